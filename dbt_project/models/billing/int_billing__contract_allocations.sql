{{ config(
    materialized='incremental',
    incremental_strategy='changed_months',
    on_schema_change='fail',
    indexes=[{'columns': ['contract_period_id']}],
) }}

with

-- With those of the month before, in which periods begin that run into a changed month.
entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where
        basis = 'contract'
        and unbilled_reason is null
        and ({{ of_changed_months() }} or {{ of_changed_months("(local_date + interval '1 month')") }})
),

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
),

terms as (
    select * from {{ ref('int_agreements__contract_terms') }}
),

-- Looked up once for each contract and day; a long contract has many periods, and a day many entries.
contract_days as (
    select distinct
        contract_id,
        local_date
    from entries
),

days_in_periods as (
    select
        contract_days.local_date,
        periods.*
    from contract_days
    inner join periods
        on
            contract_days.contract_id = periods.contract_id
            and contract_days.local_date between periods.period_start and periods.period_end
),

-- Entries use up their period's allowance in order of start, dates without times first on their day, then id.
consumed as (
    select
        entries.time_entry_id,
        entries.contract_id,
        entries.developer_id,
        entries.local_date,
        entries.seconds,
        days_in_periods.contract_period_id,
        days_in_periods.allocated_seconds,
        coalesce(days_in_periods.standard_rate, 0) as standard_rate,
        days_in_periods.overage_rate,
        coalesce(sum(entries.seconds) over (
            partition by days_in_periods.contract_period_id
            -- noqa: disable=RF02
            order by entries.local_date, entries.start_time nulls first, entries.time_entry_id collate "C"
            -- noqa: enable=RF02
            rows between unbounded preceding and 1 preceding
        ), 0) as seconds_before
    from entries
    inner join days_in_periods on
        entries.contract_id = days_in_periods.contract_id
        and entries.local_date = days_in_periods.local_date
),

split as (
    select
        consumed.*,
        greatest(least(consumed.seconds, consumed.allocated_seconds - consumed.seconds_before), 0)::bigint as included_seconds
    from consumed
),

unioned as (
    select
        time_entry_id,
        contract_id,
        contract_period_id,
        developer_id,
        local_date,
        seconds_before,
        'included' as part,
        included_seconds as seconds,
        standard_rate as rate_applied
    from split
    where included_seconds > 0
    union all
    select
        time_entry_id,
        contract_id,
        contract_period_id,
        developer_id,
        local_date,
        seconds_before + included_seconds as seconds_before,
        'overage' as part,
        seconds - included_seconds as seconds,
        overage_rate as rate_applied
    from split
    where seconds > included_seconds
    union all
    -- Without periods: hours at the standard rate on the entry's date (rule 7.8).
    select
        entries.time_entry_id,
        entries.contract_id,
        null as contract_period_id,
        entries.developer_id,
        entries.local_date,
        null as seconds_before,
        'included' as part,
        entries.seconds,
        -- Without a rate the hours are billed at 0; only pay as you go has no price then.
        case when entries.contract_type = 'pay_as_you_go' then terms.standard_rate else coalesce(terms.standard_rate, 0) end as rate_applied
    from entries
    left join terms
        on
            entries.contract_id = terms.contract_id
            and entries.local_date between terms.valid_from and terms.valid_to
    where entries.contract_type != 'monthly_retainer'
),

final as (
    select
        time_entry_id,
        contract_id,
        contract_period_id,
        developer_id,
        local_date,
        part,
        seconds,
        -- Used of the period's allowance before this part.
        seconds_before::bigint as seconds_before,
        rate_applied
    from unioned
    where {{ of_changed_months() }}
)

select * from final
