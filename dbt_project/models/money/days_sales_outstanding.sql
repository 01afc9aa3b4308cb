{{ config(indexes=[{'columns': ['as_of', 'currency', 'is_agency'], 'unique': true}]) }}

{% set days_of_sales = 90 %}
with

aging as (
    select * from {{ ref('ar_aging') }}
),

invoices as (
    select
        *,
        coalesce(canceled_on, 'infinity'::date) as ends_on
    from {{ source('invoicing', 'invoices') }}
    where status != 'draft'
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

days as (
    select * from {{ ref('int_money__receivable_days') }}
),

-- In the currency of the invoices, and all together in the agency's, at the rate of the day's month.
sales as (
    select
        days.as_of,
        invoices.currency::text as currency,
        false as is_agency,
        invoices.issue_date,
        invoices.total as amount
    from days
    inner join invoices on days.as_of >= invoices.issue_date and days.as_of < invoices.ends_on
    union all
    select
        days.as_of,
        agency.currency,
        true as is_agency,
        invoices.issue_date,
        {{ converted('invoices.total', 'invoices.currency::text', 'agency.currency', 'rates.rate') }} as amount
    from days
    cross join agency
    inner join invoices on days.as_of >= invoices.issue_date and days.as_of < invoices.ends_on
    left join rates on {{ rate_of_month('rates', 'invoices.currency::text', 'agency.currency', month_of('days.as_of')) }}
),

receivables as (
    select
        as_of,
        currency,
        false as is_agency,
        sum(open_amount) as receivable
    from aging
    group by as_of, currency
    union all
    select
        as_of,
        agency_currency as currency,
        true as is_agency,
        case when bool_and(agency_open_amount is not null) then sum(agency_open_amount) end as receivable
    from aging
    group by as_of, agency_currency
),

-- Months without sales count their days too.
months as (
    select
        bounds.as_of,
        bounds.currency,
        bounds.is_agency,
        first_days.first_day::date as month,
        least({{ month_end('first_days.first_day') }}, bounds.as_of) - first_days.first_day::date + 1 as days
    from (
        select
            as_of,
            currency,
            is_agency,
            {{ month_of('min(issue_date)') }} as first_month
        from sales
        group by as_of, currency, is_agency
    ) as bounds
    cross join lateral generate_series(bounds.first_month, bounds.as_of, interval '1 month') as first_days (first_day)
),

month_sales as (
    select
        as_of,
        currency,
        is_agency,
        {{ month_of('issue_date') }} as month,
        sum(amount) as amount,
        bool_and(amount is not null) as is_known
    from sales
    group by as_of, currency, is_agency, {{ month_of('issue_date') }}
),

counted as (
    select
        months.*,
        coalesce(month_sales.is_known, true) as is_known,
        -- A month of credit notes alone takes nothing off.
        greatest(case when coalesce(month_sales.is_known, true) then coalesce(month_sales.amount, 0) end, 0) as amount
    from months
    left join month_sales
        on
            months.as_of = month_sales.as_of
            and months.currency = month_sales.currency
            and months.is_agency = month_sales.is_agency
            and months.month = month_sales.month
),

balances as (
    select
        counted.*,
        coalesce(receivables.receivable, 0) as receivable,
        coalesce(
            sum(counted.amount) over (
                partition by counted.as_of, counted.currency, counted.is_agency
                order by counted.month desc
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as later_amount
    from counted
    left join receivables
        on
            counted.as_of = receivables.as_of
            and counted.currency = receivables.currency
            and counted.is_agency = receivables.is_agency
),

countback as (
    select
        as_of,
        currency,
        is_agency,
        case
            when bool_and(is_known) and sum(amount) > 0
                then sum(
                    case
                        when receivable <= later_amount then 0
                        when receivable >= later_amount + amount then days
                        else days * (receivable - later_amount) / amount
                    end
                )
        end as dso_countback
    from balances
    group by as_of, currency, is_agency
),

simple as (
    select
        as_of,
        currency,
        is_agency,
        case when bool_and(amount is not null) then sum(amount) end as sales
    from sales
    where as_of - issue_date < {{ days_of_sales }}
    group by as_of, currency, is_agency
),

final as (
    select
        countback.as_of,
        countback.currency,
        countback.is_agency,
        -- Nothing is open where the day has no rows of it; without a rate it is unknown.
        case when receivables.as_of is null then 0 else receivables.receivable end::numeric(14, 2) as receivable,
        coalesce(simple.sales, case when simple.as_of is null then 0 end)::numeric(14, 2) as sales,
        case
            when simple.sales > 0
                then
                    round(
                        case when receivables.as_of is null then 0 else receivables.receivable end * {{ days_of_sales }} / simple.sales, 1
                    )
        end::numeric(10, 1) as dso_simple_days,
        case
            when receivables.as_of is null or receivables.receivable is not null then round(countback.dso_countback, 1)
        end::numeric(10, 1) as dso_countback_days
    from countback
    left join receivables
        on
            countback.as_of = receivables.as_of
            and countback.currency = receivables.currency
            and countback.is_agency = receivables.is_agency
    left join simple
        on
            countback.as_of = simple.as_of
            and countback.currency = simple.currency
            and countback.is_agency = simple.is_agency
)

select * from final
