{{ config(materialized='view') }}

with

entries as (
    select * from {{ ref('int_time__decided_entries') }}
),

logged_elsewhere as (
    select * from {{ ref('int_time__logged_elsewhere') }}
),

-- Observed time has two columns: seconds that count, and seconds that the person logged as something else.
final as (
    select
        entries.id,
        entries.source,
        entries.clockify_id,
        entries.tempo_worklog_id,
        entries.session_id,
        entries.work_log_id,
        entries.developer_id,
        entries.person_key,
        entries.client_id,
        entries.project_client_id,
        entries.project_id,
        entries.contract_id,
        entries.names_contract,
        entries.billing_rule_id,
        entries.application_id,
        entries.application_count,
        entries.service_type,
        entries.work_location,
        entries.issue_key,
        entries.issue_type,
        entries.priority,
        entries.labels,
        entries.description,
        entries.start_time,
        entries.end_time,
        entries.duration_seconds,
        entries.allocated_seconds - coalesce(logged_elsewhere.logged_elsewhere_seconds, 0) as allocated_seconds,
        entries.local_date,
        entries.billable,
        entries.is_running,
        entries.is_rejected,
        entries.is_approved,
        entries.classification,
        entries.exclusion,
        entries.hourly_rate,
        entries.rate_source,
        entries.context,
        case
            when logged_elsewhere.logged_elsewhere_seconds = entries.allocated_seconds then 'logged_elsewhere'
            else entries.not_counted_reason
        end as not_counted_reason,
        coalesce(logged_elsewhere.logged_elsewhere_seconds, 0) as logged_elsewhere_seconds
    from entries
    left join logged_elsewhere on entries.id = logged_elsewhere.time_entry_id
)

select * from final
