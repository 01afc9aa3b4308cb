with

developer_costs as (
    select
        -- A cost without a known developer is still paid: the row's identifier takes the developer's place.
        coalesce(developer_id, id) as developer_id,
        monthly_cost,
        currency,
        valid_from,
        valid_to
    from {{ ref('developer_costs') }}
    where monthly_cost is not null
),

counted_months as (
    select
        developer_id,
        {{ month_of('local_date') }} as month
    from {{ ref('time_entries') }}
    where is_counted
    group by developer_id, month
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

-- An empty valid_from means the month of the very first counted entry (rule 9.6).
dated_costs as (
    select
        developer_costs.developer_id,
        developer_costs.monthly_cost,
        coalesce(developer_costs.currency, agency.currency) as currency,
        coalesce(developer_costs.valid_from, (select min(counted_months.month) from counted_months)) as valid_from,
        coalesce(developer_costs.valid_to, 'infinity'::date) as valid_to,
        agency.currency as agency_currency,
        {{ month_of('agency.as_of_date') }} as last_month
    from developer_costs
    cross join agency
),

-- Months up to that of as_of, and later ones that already have time.
possible_months as (
    select
        dated_costs.*,
        months.month::date as month
    from dated_costs
    cross join generate_series({{ month_of('dated_costs.valid_from') }}, dated_costs.last_month, interval '1 month') as months (month)
    union all
    select
        dated_costs.*,
        counted_months.month
    from dated_costs
    inner join counted_months
        on
            dated_costs.developer_id = counted_months.developer_id
            and dated_costs.last_month < counted_months.month
),

cost_months as (
    select * from possible_months
    where
        valid_from < month + interval '1 month'
        and valid_to >= month
),

converted_costs as (
    select
        cost_months.developer_id,
        cost_months.month,
        (cost_months.month + interval '1 month')::date - cost_months.month as days_of_month,
        least(cost_months.valid_to, (cost_months.month + interval '1 month')::date - 1)
        - greatest(cost_months.valid_from, cost_months.month) + 1 as days,
        cost_months.currency,
        {{ converted('cost_months.monthly_cost', 'cost_months.currency', 'cost_months.agency_currency', 'rates.rate') }} as monthly_cost
    from cost_months
    left join rates on {{ rate_of_month('rates', 'cost_months.currency', 'cost_months.agency_currency', 'cost_months.month') }}
),

final as (
    select
        developer_id,
        month,
        days_of_month,
        case when bool_and(monthly_cost is not null) then sum(monthly_cost * days) end as cost_times_days,
        min(currency) filter (where monthly_cost is null) as missing_currency
    from converted_costs
    group by developer_id, month, days_of_month
)

select * from final
