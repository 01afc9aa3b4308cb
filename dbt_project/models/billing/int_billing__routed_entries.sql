{{ config(
    materialized='incremental',
    incremental_strategy='changed_dates_of_time',
    on_schema_change='fail',
    indexes=[{'columns': ['local_date']}, {'columns': ['time_entry_id']}],
) }}

{#
    Which engine bills a counted entry, or why none does (rule 7.2). The first that applies decides, priced or not; the engines
    themselves find missing prices and hours beyond a cap.
#}
with

entries as (
    select * from {{ ref('int_time__reconciled_entries') }}
    where not_counted_reason is null and {{ of_changed_dates(subject='time') }}
),

contracts as (
    select * from {{ ref('int_agreements__contracts') }}
),

terms as (
    select * from {{ ref('int_agreements__contract_terms') }}
),

judged as (
    select
        entries.*,
        contracts.type as contract_type,
        case
            when contracts.contract_id is null then entries.names_contract
            else
                contracts.is_deleted
                or entries.local_date < contracts.start_date
                or (not contracts.auto_renew and entries.local_date > contracts.end_date)
                or terms.status in ('inactive', 'expired')
        end as is_contract_inactive
    from entries
    left join contracts on entries.contract_id = contracts.contract_id
    left join terms on
        entries.contract_id = terms.contract_id
        and entries.local_date between terms.valid_from and terms.valid_to
),

final as (
    select
        id as time_entry_id,
        source,
        developer_id,
        person_key,
        client_id,
        project_id,
        project_client_id,
        contract_id,
        contract_type,
        billing_rule_id,
        application_id,
        application_count,
        issue_key,
        issue_type,
        priority,
        start_time,
        local_date,
        allocated_seconds as seconds,
        hourly_rate,
        rate_source,
        {{ billing_basis() }} as basis,
        case
            when not billable then 'not_billable'
            when classification in ('internal', 'overhead') then classification
            when exclusion = 'overhead_only' then 'overhead_only'
            when client_id is null then 'no_client'
            when is_contract_inactive then 'contract_inactive'
        end as unbilled_reason
    from judged
)

select * from final
