{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where {{ of_changed_months() }}
),

parts as (
    select * from {{ ref('int_billing__parts') }}
    where unbilled_reason is not null and {{ of_changed_months() }}
),

unioned as (
    select
        time_entry_id,
        seconds,
        unbilled_reason as reason
    from entries
    where unbilled_reason is not null
    union all
    select
        time_entry_id,
        raw_seconds as seconds,
        unbilled_reason as reason
    from parts
),

final as (
    select
        unioned.time_entry_id,
        unioned.seconds,
        unioned.reason,
        entries.basis,
        entries.client_id,
        entries.project_id,
        entries.contract_id,
        entries.billing_rule_id,
        entries.application_id,
        entries.local_date,
        date_trunc('month', entries.local_date)::date as invoice_month
    from unioned
    inner join entries on unioned.time_entry_id = entries.time_entry_id
)

select * from final
