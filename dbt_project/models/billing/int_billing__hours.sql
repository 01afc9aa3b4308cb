{{ config(
    materialized='incremental',
    incremental_strategy='changed_months',
    on_schema_change='fail',
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

parts as (
    select * from {{ ref('int_billing__parts') }}
    where unbilled_reason is null and {{ of_changed_months('invoice_month') }}
),

final as (
    select
        line_key,
        client_id,
        currency,
        invoice_month,
        basis,
        line_type,
        rate_tier,
        application_id,
        contract_id,
        contract_period_id,
        billing_rule_id,
        project_id,
        issue_key,
        unit_price,
        rate_multiplier,
        rate_source,
        sum(raw_seconds) as raw_seconds,
        sum(billable_seconds) as billable_seconds,
        coalesce(sum(raw_seconds) filter (where starts_with(time_entry_id, 'SES-')), 0) as observed_seconds
    from parts
    group by
        line_key,
        client_id,
        currency,
        invoice_month,
        basis,
        line_type,
        rate_tier,
        application_id,
        contract_id,
        contract_period_id,
        billing_rule_id,
        project_id,
        issue_key,
        unit_price,
        rate_multiplier,
        rate_source
)

select * from final
