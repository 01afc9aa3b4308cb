{{ config(indexes=[{'columns': ['developer_id', 'local_date'], 'unique': true}]) }}

with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null
),

developer_costs as (
    select
        developer_id,
        monthly_cost,
        cost_rate,
        currency,
        daterange(valid_from, valid_to, '[]') as days
    from {{ ref('developer_costs') }}
),

fx_rates as (
    select * from {{ ref('stg_reference__fx_rates') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

days as (
    select
        developer_id,
        local_date,
        date_trunc('month', local_date)::date as month,
        sum(allocated_seconds) as seconds
    from entries
    group by developer_id, local_date
),

months as (
    select
        developer_id,
        month,
        daterange(month, (month + interval '1 month')::date) as days_of_month
    from days
    group by developer_id, month
),

currencies as (
    select distinct
        months.month,
        coalesce(developer_costs.currency, agency.currency) as currency
    from months
    cross join agency
    inner join developer_costs on months.developer_id = developer_costs.developer_id
),

-- One unit of a currency in the agency's, at the last rate on or before the month's end (model, 5.7).
rates as (
    select
        currencies.month,
        currencies.currency,
        case
            when currencies.currency = agency.currency then 1
            else (
                select fx_rates.rate
                from fx_rates
                where
                    fx_rates.from_currency = currencies.currency
                    and fx_rates.to_currency = agency.currency
                    and fx_rates.rate_date < currencies.month + interval '1 month'
                order by fx_rates.rate_date desc
                limit 1
            )
        end as rate
    from currencies
    cross join agency
),

-- What the month costs, by days where the cost changes; a missing rate of exchange spreads.
monthly_costs as (
    select
        months.developer_id,
        months.month,
        case
            when bool_and(rates.rate is not null)
                then sum(
                    developer_costs.monthly_cost * rates.rate
                    * (upper(months.days_of_month * developer_costs.days) - lower(months.days_of_month * developer_costs.days))
                    / (upper(months.days_of_month) - lower(months.days_of_month))
                )
        end as cost
    from months
    cross join agency
    inner join developer_costs
        on
            months.developer_id = developer_costs.developer_id
            and developer_costs.monthly_cost is not null
            and developer_costs.days && months.days_of_month
    left join rates
        on
            months.month = rates.month
            and coalesce(developer_costs.currency, agency.currency) = rates.currency
    group by months.developer_id, months.month
),

-- monthly_cost wins where both hold (fine print, 33).
costed_days as (
    select
        days.*,
        exists(
            select 1
            from developer_costs
            where
                developer_costs.developer_id = days.developer_id
                and developer_costs.monthly_cost is not null
                and days.local_date <@ developer_costs.days
        ) as is_monthly,
        -- Who has no cost costs nothing; a cost without a rate of exchange is unknown.
        case when hourly.developer_id is null then 0 else hourly.cost_rate * rates.rate end as hourly_cost
    from days
    cross join agency
    left join developer_costs as hourly
        on
            days.developer_id = hourly.developer_id
            and hourly.cost_rate is not null
            and days.local_date <@ hourly.days
    left join rates on
        days.month = rates.month
        and coalesce(hourly.currency, agency.currency) = rates.currency
),

final as (
    select
        costed_days.developer_id,
        costed_days.local_date,
        round(
            case
                when costed_days.is_monthly
                    then
                        monthly_costs.cost
                        / sum(costed_days.seconds) over (partition by costed_days.developer_id, costed_days.month, costed_days.is_monthly)
                else costed_days.hourly_cost / 3600
            end,
            16
        ) as cost_per_second
    from costed_days
    left join monthly_costs on
        costed_days.developer_id = monthly_costs.developer_id
        and costed_days.month = monthly_costs.month
)

select * from final
