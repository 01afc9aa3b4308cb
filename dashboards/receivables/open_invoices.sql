select
    coalesce(invoice_number, '(not allocated)') as invoice,
    client,
    issue_date,
    due_date,
    days_past_due,
    total,
    settled,
    open_amount as still_open,
    currency,
    bucket as age,
    invoice_id
from marts.ar_aging
where
    is_latest
    and (%(client)s::text is null or client_id = %(client)s)
    and (%(currency)s::text is null or currency = %(currency)s)
order by days_past_due desc, due_date asc nulls last, invoice_number asc, id asc;
