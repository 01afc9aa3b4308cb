{{ config(indexes=[{'columns': ['developer_id', 'local_date'], 'unique': true}]) }}

with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null
),

developer_costs as (
    select * from {{ ref('developer_costs') }}
),

monthly_costs as (
    select * from {{ ref('int_money__monthly_costs') }}
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

days as (
    select
        developer_id,
        local_date,
        {{ month_of('local_date') }} as month,
        sum(allocated_seconds) as seconds
    from entries
    group by developer_id, local_date
),

-- monthly_cost wins where both hold (rule 9.5).
costed_days as (
    select distinct on (days.developer_id, days.local_date)
        days.*,
        developer_costs.monthly_cost is not null as is_monthly,
        case when developer_costs.monthly_cost is null then developer_costs.cost_rate end as cost_rate,
        coalesce(developer_costs.currency, agency.currency) as currency,
        agency.currency as agency_currency
    from days
    cross join agency
    left join developer_costs
        on
            days.developer_id = developer_costs.developer_id
            and {{ in_force('days.local_date', 'developer_costs.valid_from', 'developer_costs.valid_to') }}
    order by days.developer_id, days.local_date, developer_costs.monthly_cost nulls last, developer_costs.cost_rate
),

converted_days as (
    select
        costed_days.*,
        {{ converted(
            'coalesce(costed_days.cost_rate, 0)', 'costed_days.currency', 'costed_days.agency_currency', 'rates.rate'
        ) }} as hourly_cost
    from costed_days
    left join rates on {{ rate_of_month('rates', 'costed_days.currency', 'costed_days.agency_currency', 'costed_days.month') }}
),

final as (
    select
        converted_days.developer_id,
        converted_days.local_date,
        converted_days.month,
        converted_days.is_monthly,
        converted_days.hourly_cost,
        case when converted_days.hourly_cost is null then converted_days.currency end as missing_currency,
        round(
            case
                when converted_days.is_monthly
                    then
                        monthly_costs.cost_times_days / monthly_costs.days_of_month
                        / sum(converted_days.seconds) over (
                            partition by converted_days.developer_id, converted_days.month, converted_days.is_monthly
                        )
                else converted_days.hourly_cost / 3600
            end,
            16
        ) as cost_per_second
    from converted_days
    left join monthly_costs on
        converted_days.developer_id = monthly_costs.developer_id
        and converted_days.month = monthly_costs.month
)

select * from final
