{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where basis = 'contract' and unbilled_reason is null and {{ of_changed_months() }}
),

allocations as (
    select * from {{ ref('int_billing__contract_allocations') }}
),

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

client_terms as (
    select * from {{ ref('int_agreements__client_terms_by_day') }}
),

priced as (
    select
        entries.time_entry_id,
        entries.local_date,
        allocations.seconds,
        -- The contract's client pays, even if the project has another client.
        coalesce(contracts.client_id, entries.client_id) as client_id,
        coalesce(periods.invoice_month, date_trunc('month', entries.local_date)::date) as invoice_month,
        -- A period's hours are priced by the terms at its start; without periods, by those on the entry's date (rule 7.10).
        coalesce(periods.period_start, entries.local_date) as priced_on,
        case
            when allocations.contract_period_id is null then 'hourly'
            else allocations.part
        end as line_type,
        allocations.contract_id,
        allocations.contract_period_id,
        -- Time on a contract without a standard rate is included in it, except under pay as you go, which has no other price (rule 7.4).
        case
            when contracts.type = 'pay_as_you_go' then allocations.rate_applied
            else coalesce(allocations.rate_applied, 0)
        end as unit_price,
        case
            when allocations.part = 'overage' then 'contract.overage_rate'
            when coalesce(allocations.rate_applied, 0) = 0 then 'contract.without_rate'
            else 'contract.standard_rate'
        end as rate_source
    from entries
    inner join allocations on entries.time_entry_id = allocations.time_entry_id
    inner join contracts on allocations.contract_id = contracts.contract_id
    left join periods on allocations.contract_period_id = periods.contract_period_id
),

final as (
    select
        priced.time_entry_id,
        priced.local_date,
        priced.seconds::bigint as raw_seconds,
        case when priced.unit_price is not null then priced.seconds end::bigint as billable_seconds,
        case when priced.unit_price is not null then priced.client_id end as client_id,
        case when priced.unit_price is not null then client_terms.currency end as currency,
        case when priced.unit_price is not null then priced.invoice_month end as invoice_month,
        'contract' as basis,
        case when priced.unit_price is not null then priced.line_type end as line_type,
        null::text as rate_tier,
        null::text as application_id,
        priced.contract_id,
        priced.contract_period_id,
        null::text as billing_rule_id,
        null::text as project_id,
        null::text as issue_key,
        priced.unit_price::numeric(12, 4) as unit_price,
        case when priced.unit_price is not null then 1 end::numeric(8, 4) as rate_multiplier,
        case when priced.unit_price is not null then priced.rate_source end as rate_source,
        case when priced.unit_price is null then 'no_rate' end as unbilled_reason
    from priced
    inner join client_terms
        on
            priced.client_id = client_terms.client_id
            and priced.priced_on between client_terms.valid_from and client_terms.valid_to
)

select * from final
