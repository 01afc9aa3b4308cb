{{ config(materialized='view') }}

{# Every source in the same columns; a new source adds one part to the union. #}
with

clockify_entries as (
    select * from {{ ref('int_time__clockify_entries') }}
),

worklogs as (
    select * from {{ ref('int_time__worklogs') }}
),

session_entries as (
    select * from {{ ref('int_sessions__time_entries') }}
),

work_logs as (
    select * from {{ ref('int_time__work_logs') }}
),

unioned as (
    select
        id,
        'clockify' as source,
        clockify_id,
        null::text as tempo_worklog_id,
        null::text as session_id,
        null::text as work_log_id,
        developer_id,
        person_key,
        client_id,
        client_id as project_client_id,
        project_id,
        null::text as application_id,
        0::bigint as application_count,
        null::text as named_contract_id,
        false as names_contract,
        null::text as service_type,
        null::text as work_location,
        null::text as issue_key,
        null::text as issue_type,
        null::text as priority,
        null::text[] as labels,
        description,
        start_time,
        end_time,
        duration_seconds,
        duration_seconds as allocated_seconds,
        local_date,
        is_billable,
        is_running,
        false as is_rejected,
        is_approved,
        is_deleted,
        never_counts,
        context
    from clockify_entries
    union all
    select
        id,
        'tempo' as source,
        null as clockify_id,
        tempo_worklog_id,
        null as session_id,
        null as work_log_id,
        developer_id,
        person_key,
        client_id,
        project_client_id,
        project_id,
        application_id,
        application_count,
        null as named_contract_id,
        false as names_contract,
        null as service_type,
        null as work_location,
        issue_key,
        issue_type,
        priority,
        labels,
        description,
        start_time,
        end_time,
        duration_seconds,
        duration_seconds as allocated_seconds,
        local_date,
        is_billable,
        false as is_running,
        false as is_rejected,
        false as is_approved,
        is_deleted,
        false as never_counts,
        context
    from worklogs
    union all
    select
        id,
        'claude_session' as source,
        null as clockify_id,
        null as tempo_worklog_id,
        session_id,
        null as work_log_id,
        developer_id,
        coalesce(developer_id, 'claude_session:' || session_id) as person_key,
        client_id,
        client_id as project_client_id,
        project_id,
        null as application_id,
        0 as application_count,
        null as named_contract_id,
        false as names_contract,
        null as service_type,
        null as work_location,
        null as issue_key,
        null as issue_type,
        null as priority,
        null as labels,
        null as description,
        start_time,
        end_time,
        duration_seconds,
        allocated_seconds,
        local_date,
        -- Decided by the project's classification, below.
        true as is_billable,
        false as is_running,
        false as is_rejected,
        false as is_approved,
        false as is_deleted,
        false as never_counts,
        '{}'::jsonb as context
    from session_entries
    union all
    select
        id,
        'manual' as source,
        null as clockify_id,
        null as tempo_worklog_id,
        null as session_id,
        work_log_id,
        developer_id,
        person_key,
        client_id,
        null as project_client_id,
        null as project_id,
        null as application_id,
        0 as application_count,
        named_contract_id,
        contract_name is not null as names_contract,
        service_type,
        work_location,
        null as issue_key,
        null as issue_type,
        null as priority,
        null as labels,
        description,
        start_time,
        end_time,
        duration_seconds,
        duration_seconds as allocated_seconds,
        local_date,
        is_billable,
        false as is_running,
        false as is_rejected,
        false as is_approved,
        is_deleted,
        false as never_counts,
        context
    from work_logs
)

select * from unioned
