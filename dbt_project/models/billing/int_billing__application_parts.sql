{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

with

worklogs as (
    select * from {{ ref('int_billing__application_worklogs') }}
    where {{ of_changed_months() }}
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

-- Billable time uses up the month's limit in order of start (rule 7.16); without a limit, all time is covered.
consumed as (
    select
        worklogs.*,
        applications.application_type,
        applications.hourly_rate,
        applications.overtime_rate,
        coalesce(applications.currency, client_terms.currency) as currency,
        date_trunc('month', worklogs.local_date)::date as invoice_month,
        case
            when applications.application_type = 'SUP' then round(applications.monthly_limit_hours * 3600)::bigint
        end as limit_seconds,
        coalesce(sum(worklogs.billable_seconds) over (
            partition by worklogs.application_id, date_trunc('month', worklogs.local_date)
            -- noqa: disable=RF02
            order by {{ entry_order('worklogs') }}
            -- noqa: enable=RF02
            rows between unbounded preceding and 1 preceding
        ), 0) as seconds_before
    from worklogs
    inner join applications on worklogs.application_id = applications.application_id
    inner join client_terms
        on
            worklogs.client_id = client_terms.client_id
            and worklogs.local_date between client_terms.valid_from and client_terms.valid_to
),

split as (
    select
        consumed.*,
        case
            when consumed.limit_seconds is null then consumed.billable_seconds
            else greatest(least(consumed.billable_seconds, consumed.limit_seconds - consumed.seconds_before), 0)
        end as seconds_within
    from consumed
),

-- The earlier part takes the raw seconds until they are used up (rule 7.5).
parts as (
    select
        split.*,
        least(split.seconds, split.seconds_within) as raw_part,
        split.seconds_within as billable_part,
        split.line_type as part_line_type,
        case
            when split.application_type in ('FIX', 'SUP') then 0
            when split.application_type = 'TM' then split.hourly_rate
        end as unit_price,
        case when split.application_type = 'TM' then 'application.hourly_rate' else 'application.base_amount' end as rate_source
    from split
    where split.seconds_within > 0
    union all
    select
        split.*,
        split.seconds - least(split.seconds, split.seconds_within) as raw_part,
        split.billable_seconds - split.seconds_within as billable_part,
        'overtime' as part_line_type,
        split.overtime_rate as unit_price,
        'application.overtime_rate' as rate_source
    from split
    where
        split.billable_seconds > split.seconds_within
        -- Time without a rate is unbilled in raw seconds, of which there may be none left.
        and (split.overtime_rate is not null or split.seconds > split.seconds_within)
),

final as (
    select
        time_entry_id,
        local_date,
        raw_part::bigint as raw_seconds,
        case when unit_price is not null then billable_part end::bigint as billable_seconds,
        case when unit_price is not null then client_id end as client_id,
        case when unit_price is not null then currency end as currency,
        case when unit_price is not null then invoice_month end as invoice_month,
        'application' as basis,
        case when unit_price is not null then part_line_type end as line_type,
        case when unit_price is not null then rate_tier end as rate_tier,
        application_id,
        null::text as contract_id,
        null::text as contract_period_id,
        null::text as billing_rule_id,
        null::text as project_id,
        issue_key,
        unit_price::numeric(12, 4) as unit_price,
        case when unit_price is not null then rate_multiplier end::numeric(8, 4) as rate_multiplier,
        case when unit_price is not null then rate_source end as rate_source,
        case when unit_price is null then 'no_rate' end as unbilled_reason
    from parts
)

select * from final
