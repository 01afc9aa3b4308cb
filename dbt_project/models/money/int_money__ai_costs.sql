with

session_cells as (
    select * from {{ ref('int_engineering__session_cells') }}
    where api_requests > 0
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

-- Amounts are shared out in the smallest units of the agency's currency.
agency as (
    select
        int_agency.*,
        power(10, {{ decimals_of('currencies') }})::integer as units
    from {{ ref('int_identity__agency') }} as int_agency
    left join {{ ref('stg_reference__currencies') }} as currencies on int_agency.currency = currencies.currency
),

used as (
    select
        coalesce(client_id, {{ bench() }}) as client_id,
        {{ month_of('local_date') }} as month,
        sum(cost_usd) as cost_usd
    from session_cells
    group by coalesce(client_id, {{ bench() }}), month
),

-- The month's cost in whole units, rounded half away from zero.
whole_months as (
    select
        used.*,
        sum(used.cost_usd) over (partition by used.month) as month_cost_usd,
        round(
            agency.units * {{ converted('sum(used.cost_usd) over (partition by used.month)', "'USD'", 'agency.currency', 'rates.rate') }}
        ) as month_cents,
        agency.units
    from used
    cross join agency
    left join rates on {{ rate_of_month('rates', "'USD'", 'agency.currency', 'used.month') }}
),

dealt_months as (
    select
        client_id,
        month,
        ({{ dealt(
            'month_cents', 'month_cents * cost_usd', 'month_cost_usd', 'month', 'client_id collate "C"'
        ) }}::numeric / units)::numeric(14, 2) as cost,
        false as is_unpriced,
        case when month_cents is null then 'USD' end as missing_currency
    from whole_months
    where cost_usd > 0
),

final as (
    select * from dealt_months
    union all
    select
        client_id,
        month,
        case when cost_usd = 0 then 0 end::numeric(14, 2) as cost,
        cost_usd is null as is_unpriced,
        null as missing_currency
    from whole_months
    where cost_usd is null or cost_usd = 0
)

select * from final
