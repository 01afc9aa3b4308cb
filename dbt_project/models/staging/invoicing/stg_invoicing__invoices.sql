select
    id as invoice_id,
    invoice_number,
    kind,
    client_id,
    currency::text as currency,
    invoice_month,
    status,
    issue_date,
    is_live,
    subtotal,
    tax_rate,
    tax,
    total,
    settled
from {{ source('invoicing', 'invoices') }}
where status != 'draft'
