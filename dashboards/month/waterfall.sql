select
    coalesce(client, '(no client)') as client,
    round(logged_seconds / 3600.0, 2) as logged_hours,
    round(not_counted_seconds / 3600.0, 2) as not_counted_hours,
    round(non_billable_seconds / 3600.0, 2) as not_billable_hours,
    round(unpriced_seconds / 3600.0, 2) as on_no_bill_hours,
    round(rounding_seconds / 3600.0, 2) as rounding_hours,
    round(rounded_seconds / 3600.0, 2) as billed_hours,
    accrued_amount as accrued,
    not_invoiced_amount as not_invoiced,
    tax_amount as tax,
    invoiced_total as invoiced_with_tax,
    set_off_amount + written_off_amount + fee_amount as settled_otherwise,
    open_amount as still_open,
    paid_amount as paid,
    currency,
    invoice_number as invoice
from reports.invoice_waterfall
where
    month = %(last_month)s
    and (%(client)s::text is null or client_id = %(client)s)
order by accrued_amount desc, logged_seconds desc, client asc, currency asc;
