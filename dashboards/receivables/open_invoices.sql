select
    coalesce(receivables.invoice_number, '(not allocated)') as invoice,
    clients.name as client,
    receivables.issue_date,
    receivables.due_date,
    receivables.days_past_due,
    receivables.total,
    receivables.settled,
    receivables.open_amount as still_open,
    receivables.currency::text as currency,
    receivables.bucket as age,
    receivables.invoice_id
from billing.ar_open(%(today)s) as receivables
left join marts.clients on receivables.client_id = clients.id
where
    (%(client)s::text is null or receivables.client_id = %(client)s)
    and (%(currency)s::text is null or receivables.currency = %(currency)s)
order by receivables.days_past_due desc, receivables.due_date asc nulls last, receivables.invoice_number asc;
