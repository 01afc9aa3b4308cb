{#
    The labour cost of a month, over clients and bench, is the developers' cost, to the cent (rule 12.1). The expected value comes from
    private.developer_costs day by day, independent of how it is shared out.
#}
with

agency as (
    select
        int_agency.currency,
        (date_trunc('month', {{ as_of_date('int_agency.timezone') }}) + interval '1 month')::date as first_day_after,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('int_identity__agency') }} as int_agency
    left join {{ ref('stg_reference__currencies') }} as currencies on int_agency.currency = currencies.currency
),

entries as (
    select
        time_entries.developer_id,
        time_entries.local_date,
        time_entries.allocated_seconds
    from {{ ref('time_entries') }} as time_entries
    cross join agency
    where time_entries.is_counted and time_entries.local_date < agency.first_day_after
),

developer_costs as (
    select
        coalesce(developer_costs.developer_id, developer_costs.id) as developer_id,
        developer_costs.cost_rate,
        developer_costs.monthly_cost,
        coalesce(developer_costs.currency, agency.currency) as currency,
        coalesce(developer_costs.valid_from, (select date_trunc('month', min(entries.local_date))::date from entries)) as valid_from,
        coalesce(developer_costs.valid_to, 'infinity') as valid_to
    from {{ ref('developer_costs') }} as developer_costs
    cross join agency
),

-- Every day that may have a cost: up to the end of the month of as_of.
days as (
    select days.day::date as day
    from agency
    cross join generate_series(
        (select min(developer_costs.valid_from) from developer_costs), agency.first_day_after - 1, interval '1 day'
    ) as days (day)
),

monthly_days as (
    select
        developer_costs.developer_id,
        days.day,
        developer_costs.currency,
        developer_costs.monthly_cost
    from days
    inner join developer_costs on days.day between developer_costs.valid_from and developer_costs.valid_to
    where developer_costs.monthly_cost is not null
),

parts as (
    select
        developer_id,
        day,
        currency,
        -- In 3600ths, like the cost of a second at an hourly rate.
        monthly_cost * 3600 as cost,
        true as is_monthly
    from monthly_days
    union all
    select
        entries.developer_id,
        entries.local_date as day,
        developer_costs.currency,
        developer_costs.cost_rate * entries.allocated_seconds as cost,
        false as is_monthly
    from entries
    inner join developer_costs
        on
            entries.developer_id = developer_costs.developer_id
            and entries.local_date between developer_costs.valid_from and developer_costs.valid_to
    where developer_costs.monthly_cost is null and developer_costs.cost_rate is not null
),

by_currency as (
    select
        developer_id,
        date_trunc('month', day)::date as month,
        extract(day from date_trunc('month', day) + interval '1 month - 1 day') as days_of_month,
        currency,
        coalesce(sum(cost) filter (where is_monthly), 0) as monthly_cost,
        coalesce(sum(cost) filter (where not is_monthly), 0) as hourly_cost
    from parts
    group by developer_id, date_trunc('month', day), currency
),

converted_costs as (
    select
        by_currency.*,
        case
            when by_currency.currency = agency.currency or by_currency.monthly_cost + by_currency.hourly_cost = 0 then 1
            else (
                select fx_rates.rate
                from {{ ref('stg_reference__fx_rates') }} as fx_rates
                where
                    fx_rates.from_currency = by_currency.currency
                    and fx_rates.to_currency = agency.currency
                    and fx_rates.rate_date < by_currency.month + interval '1 month'
                order by fx_rates.rate_date desc, fx_rates.row_number desc
                limit 1
            )
        end as rate
    from by_currency
    cross join agency
),

-- One division, so that half a cent stays half a cent.
developer_months as (
    select
        developer_id,
        month,
        round(
            sum((monthly_cost + hourly_cost * days_of_month) * rate) / (3600 * days_of_month),
            (select agency.decimals from agency)
        ) as cost,
        bool_and(rate is not null) as is_known
    from converted_costs
    group by developer_id, month, days_of_month
),

expected as (
    select
        month,
        case when bool_and(is_known) then sum(cost) end as labour_cost
    from developer_months
    group by month
),

actual as (
    select
        month,
        case when bool_and(labour_cost is not null) then sum(labour_cost) end as labour_cost
    from {{ ref('client_margin') }}
    group by month
),

-- Before the first month with a known cost, the cost of work is unknown.
known as (
    select coalesce(date_trunc('month', min(coalesce(valid_from, '-infinity')))::date, 'infinity') as first_month
    from {{ ref('developer_costs') }}
    where monthly_cost is not null or cost_rate is not null
)

select
    coalesce(expected.month, actual.month) as month,
    expected.labour_cost as expected,
    actual.labour_cost as actual
from expected
full outer join actual on expected.month = actual.month
cross join known
where
    coalesce(expected.labour_cost, case when expected.month is null and actual.month >= known.first_month then 0 end)
    is distinct from coalesce(actual.labour_cost, case when actual.month is null then 0 end)
