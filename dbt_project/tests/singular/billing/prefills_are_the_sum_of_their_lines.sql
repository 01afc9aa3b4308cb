-- Subtotal is the sum of the rounded lines, total that and the tax, which of an invoiced month is as invoiced (rules 7.28, 10.4 and 12.1).
with

prefills as (
    select * from {{ ref('invoice_prefills') }}
),

lines as (
    select
        prefill_id,
        sum(line_total) as line_total
    from {{ ref('invoice_prefill_lines') }}
    group by prefill_id
),

invoices as (
    select * from {{ ref('stg_invoicing__invoices') }}
    where is_live
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
)

select
    prefills.id,
    prefills.subtotal,
    lines.line_total
from prefills
full join lines on prefills.id = lines.prefill_id
left join currencies on prefills.currency = currencies.currency
left join invoices
    on
        prefills.client_id = invoices.client_id
        and prefills.currency = invoices.currency
        and prefills.invoice_month = invoices.invoice_month
where
    prefills.subtotal is distinct from coalesce(lines.line_total, 0)
    or prefills.tax != coalesce(invoices.tax, round(prefills.subtotal * prefills.tax_rate, {{ decimals_of('currencies') }}))
    or prefills.total != prefills.subtotal + prefills.tax
