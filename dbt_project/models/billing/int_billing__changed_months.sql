{{ config(
    indexes=[{'columns': ['month'], 'unique': true}],
    post_hook="{{ forget_processed('int_changes__processed_months', 'month') }}",
) }}

{#
    Read by name, as the last run left it: it is built after the tables that use this model, so dbt must not see a dependency. Where it is
    missing, or in a full refresh, every month has changed.
-#}
{%- set processed_months = load_relation(this.incorporate(path={'identifier': 'int_changes__processed_months'})) -%}
{%- set is_known = processed_months and not flags.FULL_REFRESH -%}
{%- set amounts = ['application', 'fixed_line', 'rule', 'terms'] -%}
{#- What engines read besides entries and periods; those of int_time__changed_dates are in the dates. -#}
{%- set rules = {
    'calendars': ref('stg_reference__business_calendars'),
    'client_terms': ref('int_agreements__client_terms_by_day'),
    'currencies': 'currencies',
    'holidays': ref('stg_reference__holidays'),
    'rate_multipliers': ref('int_agreements__rate_multipliers'),
} -%}

with

dates as (
    select * from {{ ref('int_time__changed_dates') }}
),

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
),

-- Without the times of their loads.
currencies as (
    select
        currency,
        decimals
    from {{ ref('stg_reference__currencies') }}
),

-- Of the agency without the clock, which is no part of an hour's price.
agency as (
    select
        timezone,
        currency,
        calendar
    from {{ ref('int_identity__agency') }}
),

rules as (
    {{ fingerprint_of_rules(rules.items() | list + [('agency', 'agency')]) }}
),

hashed_dates as (
    select
        {{ month_of('local_date') }} as month,
        count(*) as row_count,
        sum(hashtextextended(local_date || ':' || fingerprint, 0)) as row_hashes
    from dates
    group by {{ month_of('local_date') }}
),

-- A period runs through at most two months, and may be invoiced in a third.
months_of_periods as (
    select
        {{ month_of('period_start') }} as first_month,
        {{ month_of('period_end') }} as last_month,
        invoice_month,
        hashtextextended(periods::text, 0) as row_hash
    from periods
),

-- What is done in a period's first month uses up the allowance of its second, and both make lines of the month in which it is invoiced.
reached_months as (
    select
        first_month as reaching_month,
        last_month as month
    from months_of_periods
    where first_month != last_month
    union
    select
        first_month as reaching_month,
        invoice_month as month
    from months_of_periods
    where first_month != invoice_month
    union
    select
        last_month as reaching_month,
        invoice_month as month
    from months_of_periods
    where last_month != invoice_month
),

hashes_of_reaching_months as (
    select
        reached_months.month,
        sum(hashed_dates.row_hashes) as row_hashes
    from reached_months
    inner join hashed_dates on reached_months.reaching_month = hashed_dates.month
    group by reached_months.month
),

-- Fixed amounts by the month of their bill, and whose bill of a month is invoiced; an invoice never changes.
hashed_bills as (
    select
        month,
        sum(row_hash) as row_hashes
    from (
        {% for engine in amounts -%}
            select
                invoice_month as month,
                hashtextextended(amounts::text, {{ loop.index }}) as row_hash
            from {{ ref('int_billing__' ~ engine ~ '_amounts') }} as amounts
            union all
        {% endfor -%}
        select
            invoice_month as month,
            hashtextextended(invoice_id::text, 0) as row_hash
        from {{ ref('stg_invoicing__invoices') }}
        where is_live
    ) as hashed_rows
    group by month
),

hashed_periods as (
    select
        months.month,
        sum(months_of_periods.row_hash) as row_hashes
    from months_of_periods
    cross join
        lateral (
            values
            (months_of_periods.first_month),
            (months_of_periods.last_month),
            (months_of_periods.invoice_month)
        ) as months (month)
    group by months.month
),

all_months as (
    select month from hashed_dates
    union
    select month from hashed_periods
    union
    select month from hashed_bills
),

fingerprints as (
    select
        all_months.month,
        concat_ws(
            ':',
            coalesce(hashed_dates.row_count, 0),
            coalesce(hashed_dates.row_hashes, 0),
            coalesce(hashes_of_reaching_months.row_hashes, 0),
            coalesce(hashed_periods.row_hashes, 0),
            coalesce(hashed_bills.row_hashes, 0),
            rules.fingerprint
        ) as fingerprint
    from all_months
    cross join rules
    left join hashed_dates on all_months.month = hashed_dates.month
    left join hashes_of_reaching_months on all_months.month = hashes_of_reaching_months.month
    left join hashed_periods on all_months.month = hashed_periods.month
    left join hashed_bills on all_months.month = hashed_bills.month
),

processed_months as (
    select
        month,
        fingerprint
    from {{ processed_months if is_known else 'fingerprints' }}
    where {{ 'true' if is_known else 'false' }}
),

final as (
    select
        fingerprints.month,
        fingerprints.fingerprint,
        coalesce(processed_months.fingerprint != fingerprints.fingerprint, true) as is_changed
    from fingerprints
    left join processed_months on fingerprints.month = processed_months.month
)

select * from final
