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

final as (
    select
        billed.client_id,
        billed.currency,
        billed.billed_month,
        min(own_invoices.invoice_id) as invoice_id,
        min(own_invoices.invoice_number) as invoice_number,
        min(billed.invoice_number) as adjusted_by,
        sum(billed.amount) as billed_amount
    from billed
    left join own_invoices
        on
            billed.client_id = own_invoices.client_id
            and billed.currency = own_invoices.currency
            and billed.billed_month = own_invoices.invoice_month
    group by billed.client_id, billed.currency, billed.billed_month
)

select * from final
