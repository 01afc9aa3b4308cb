-- What a client has accrued in a month is the subtotals of its prefills, converted and then rounded, and nothing else (rule 9.8).
with

agency as (
    select * from {{ ref('int_identity__agency') }}
),

converted_subtotals as (
    select
        prefills.client_id,
        prefills.invoice_month as month,
        prefills.subtotal * case
            when prefills.currency = agency.currency or prefills.subtotal = 0 then 1
            else (
                select fx_rates.rate
                from {{ ref('stg_reference__fx_rates') }} as fx_rates
                where
                    fx_rates.from_currency = prefills.currency
                    and fx_rates.to_currency = agency.currency
                    and fx_rates.rate_date < prefills.invoice_month + interval '1 month'
                order by fx_rates.rate_date desc, fx_rates.row_number desc
                limit 1
            )
        end as subtotal
    from {{ ref('invoice_prefills') }} as prefills
    cross join agency
),

expected as (
    select
        client_id,
        month,
        case when bool_and(subtotal is not null) then round(sum(subtotal), 2) end as accrued
    from converted_subtotals
    group by client_id, month
)

select
    client_margin.client_id,
    client_margin.month,
    expected.accrued as expected,
    client_margin.accrued as actual
from {{ ref('client_margin') }} as client_margin
full outer join expected on client_margin.client_id = expected.client_id and client_margin.month = expected.month
where
    client_margin.client_id is null
    or client_margin.accrued is distinct from case when expected.client_id is null then 0 else expected.accrued end
