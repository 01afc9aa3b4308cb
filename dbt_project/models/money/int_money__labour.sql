with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null
),

labour_days as (
    select * from {{ ref('int_money__labour_days') }}
),

monthly_costs as (
    select * from {{ ref('int_money__monthly_costs') }}
),

-- Amounts are shared out in the smallest units of the agency's currency.
agency as (
    select
        int_agency.*,
        power(10, {{ decimals_of('currencies') }})::integer as units
    from {{ ref('int_identity__agency') }} as int_agency
    left join {{ ref('stg_reference__currencies') }} as currencies on int_agency.currency = currencies.currency
),

-- Time without a client belongs to the bench.
worked as (
    select
        entries.developer_id,
        coalesce(entries.client_id, {{ bench() }}) as client_id,
        labour_days.month,
        coalesce(sum(entries.allocated_seconds) filter (where labour_days.is_monthly), 0) as monthly_seconds,
        case
            when bool_and(labour_days.hourly_cost is not null) then sum(labour_days.hourly_cost * entries.allocated_seconds)
        end as hourly_cost_times_seconds,
        min(labour_days.missing_currency) as missing_currency
    from entries
    inner join labour_days
        on
            entries.developer_id = labour_days.developer_id
            and entries.local_date = labour_days.local_date
    group by entries.developer_id, coalesce(entries.client_id, {{ bench() }}), labour_days.month
),

-- A month with a cost but no time on its days goes to the bench, as if one second had been worked there.
idle as (
    select
        monthly_costs.developer_id,
        {{ bench() }} as client_id,
        monthly_costs.month,
        1 as monthly_seconds,
        0 as hourly_cost_times_seconds,
        null as missing_currency
    from monthly_costs
    left join worked
        on
            monthly_costs.developer_id = worked.developer_id
            and monthly_costs.month = worked.month
            and worked.monthly_seconds > 0
    where worked.developer_id is null
),

worked_or_idle as (
    select * from worked
    union all
    select * from idle
),

parts as (
    select
        developer_id,
        client_id,
        month,
        sum(monthly_seconds) as monthly_seconds,
        case when bool_and(hourly_cost_times_seconds is not null) then sum(hourly_cost_times_seconds) end as hourly_cost_times_seconds,
        min(missing_currency) as missing_currency
    from worked_or_idle
    group by developer_id, client_id, month
),

-- Exact cost of every part over one denominator, so that nothing is rounded before the cents are shared out.
fractions as (
    select
        parts.developer_id,
        parts.client_id,
        parts.month,
        coalesce(monthly_costs.missing_currency, parts.missing_currency) as missing_currency,
        case when parts.monthly_seconds = 0 then 0 else monthly_costs.cost_times_days end * parts.monthly_seconds * 3600
        + parts.hourly_cost_times_seconds * coalesce(monthly_costs.days_of_month, 1)
        * greatest(sum(parts.monthly_seconds) over developer_month, 1) as numerator,
        coalesce(monthly_costs.days_of_month, 1) * greatest(sum(parts.monthly_seconds) over developer_month, 1) * 3600 as denominator
    from parts
    left join monthly_costs on parts.developer_id = monthly_costs.developer_id and parts.month = monthly_costs.month
    window developer_month as (partition by parts.developer_id, parts.month)
),

-- The developer's month in whole units of the currency, rounded half away from zero; unknown if any part is.
whole_months as (
    select
        fractions.*,
        agency.units,
        sum(fractions.numerator) over developer_month as month_numerator,
        case
            when bool_and(fractions.numerator is not null) over developer_month
                then
                    div(
                        2 * agency.units * sum(fractions.numerator) over developer_month + fractions.denominator,
                        2 * fractions.denominator
                    )
        end as month_cents
    from fractions
    cross join agency
    where fractions.numerator is null or fractions.numerator > 0
    window developer_month as (partition by fractions.developer_id, fractions.month)
),

final as (
    select
        developer_id,
        client_id,
        month,
        ({{ dealt(
            'month_cents', 'month_cents * numerator', 'month_numerator', 'developer_id, month', 'client_id collate "C"'
        ) }}::numeric / units)::numeric(14, 2) as cost,
        case when month_cents is null then min(missing_currency) over (partition by developer_id, month) end as missing_currency
    from whole_months
)

select * from final
