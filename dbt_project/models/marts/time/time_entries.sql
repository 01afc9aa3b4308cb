{{ config(
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['clockify_id']},
        {'columns': ['session_id']},
        {'columns': ['client_id', 'local_date']},
        {'columns': ['contract_id', 'local_date']},
        {'columns': ['developer_id', 'local_date']},
        {'columns': ['project_id', 'start_time']},
        {'columns': ['developer_id', 'start_time']},
        {'columns': ['billing_rule_id']},
        {'columns': ['application_id']},
        {'columns': ['issue_key']},
        {'columns': ['local_date']},
        {'columns': ['status']},
        {'columns': ['service_type']},
        {'columns': ['work_location']},
        {'columns': ['billable']},
        {'columns': ['start_time']},
    ],
) }}

with

entries as (
    select * from {{ ref('int_time__decided_entries') }}
),

final as (
    select
        id,
        source,
        clockify_id,
        tempo_worklog_id,
        session_id,
        work_log_id,
        developer_id,
        client_id,
        project_id,
        contract_id,
        billing_rule_id,
        application_id,
        service_type,
        work_location,
        issue_key,
        description,
        start_time,
        end_time,
        duration_seconds,
        allocated_seconds,
        local_date,
        billable,
        case
            when is_running then 'running'
            when is_rejected then 'rejected'
            when is_approved then 'approved'
            else 'pending'
        end as status,
        not_counted_reason is null as is_counted,
        not_counted_reason,
        context
    from entries
)

select * from final
