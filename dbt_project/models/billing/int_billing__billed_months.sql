{{ config(indexes=[{'columns': ['client_id', 'currency', 'billed_month'], 'unique': true}]) }}

with

billed as (
    select * from {{ ref('stg_invoicing__invoiced') }}
),

own_invoices as (
    select distinct
        client_id,
        currency,
        invoice_month,
        invoice_id,
        invoice_number
    from billed
),

-- A bill of adjustments alone bills nothing of its own month, which is invoiced all the same.
bills as (
    select
        client_id,
        currency,
        billed_month,
        invoice_id,
        invoice_number
    from billed
    union
    select
        client_id,
        currency,
        invoice_month as billed_month,
        invoice_id,
        invoice_number
    from own_invoices
),

final as (
    select
        bills.client_id,
        bills.currency,
        bills.billed_month,
        min(own_invoices.invoice_id) as invoice_id,
        min(own_invoices.invoice_number) as invoice_number,
        string_agg(bills.invoice_number, ', ' order by bills.invoice_number) as adjusted_by,
        string_agg(bills.invoice_id, ',' order by bills.invoice_id) as billed_by
    from bills
    left join own_invoices
        on
            bills.client_id = own_invoices.client_id
            and bills.currency = own_invoices.currency
            and bills.billed_month = own_invoices.invoice_month
    group by bills.client_id, bills.currency, bills.billed_month
)

select * from final
