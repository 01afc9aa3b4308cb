{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['client_id', 'invoice_month']},
    {'columns': ['invoice_month']},
]) }}

with

prefills as (
    select * from {{ ref('int_billing__prefills') }}
),

final as (
    select
        prefill_id as id,
        client_id,
        currency,
        invoice_month,
        subtotal,
        tax_rate,
        tax,
        subtotal + tax as total,
        '[]'::jsonb as warnings
    from prefills
)

select * from final
