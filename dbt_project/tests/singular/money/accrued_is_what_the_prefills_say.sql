-- A client's accrued amount of a month is the sum of its prefills' subtotals, converted and then rounded, and nothing else (rule 9.8);
-- amounts invoiced after the month of as_of are in a separate column of that month's row.
with

agency as (
    select
        int_agency.*,
        date_trunc('month', {{ as_of_date('int_agency.timezone') }})::date as last_month,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('int_identity__agency') }} as int_agency
    left join {{ ref('stg_reference__currencies') }} as currencies on int_agency.currency = currencies.currency
),

converted_subtotals as (
    select
        prefills.client_id,
        agency.decimals,
        least(prefills.invoice_month, agency.last_month) as month,
        prefills.invoice_month > agency.last_month as is_later,
        prefills.subtotal * case
            when prefills.currency = agency.currency or prefills.subtotal = 0 then 1
            else (
                select fx_rates.rate
                from {{ ref('stg_reference__fx_rates') }} as fx_rates
                where
                    fx_rates.from_currency = prefills.currency
                    and fx_rates.to_currency = agency.currency
                    and fx_rates.rate_date < least(prefills.invoice_month, agency.last_month) + interval '1 month'
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
        case
            when coalesce(bool_and(subtotal is not null) filter (where not is_later), true)
                then coalesce(round(sum(subtotal) filter (where not is_later), min(decimals)), 0)
        end as accrued,
        case
            when coalesce(bool_and(subtotal is not null) filter (where is_later), true)
                then coalesce(round(sum(subtotal) filter (where is_later), min(decimals)), 0)
        end as accrued_later
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
    or client_margin.accrued_later is distinct from case when expected.client_id is null then 0 else expected.accrued_later end
