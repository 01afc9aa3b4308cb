{{ config(
    materialized='incremental',
    incremental_strategy='changed_dates_of_time',
    on_schema_change='append_new_columns',
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
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

entries as (
    select * from {{ ref('int_time__reconciled_entries') }}
    where {{ of_changed_dates(subject='time') }}
),

worklogs as (
    select * from {{ ref('stg_tempo__worklogs') }}
),

work_logs as (
    select * from {{ ref('stg_reference__work_logs') }}
    where {{ of_changed_dates('work_date', subject='time') }}
),

-- What an adjustment takes back is billed no more.
billed_entries as (
    select time_entry_id from {{ ref('stg_invoicing__invoiced') }}
    where time_entry_id is not null
    group by time_entry_id
    having sum(billable_seconds) > 0
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'work_logs'
),

final as (
    select
        entries.id,
        entries.source,
        entries.clockify_id,
        entries.tempo_worklog_id,
        entries.session_id,
        entries.work_log_id,
        entries.developer_id,
        entries.client_id,
        entries.project_id,
        entries.contract_id,
        entries.billing_rule_id,
        entries.application_id,
        entries.service_type,
        entries.work_location,
        entries.issue_key,
        entries.description,
        entries.start_time,
        entries.end_time,
        entries.duration_seconds,
        entries.allocated_seconds,
        entries.local_date,
        entries.billable,
        case
            when billed_entries.time_entry_id is not null then 'billed'
            when entries.is_running then 'running'
            when entries.is_rejected then 'rejected'
            when entries.is_approved then 'approved'
            else 'pending'
        end as status,
        entries.not_counted_reason is null as is_counted,
        entries.not_counted_reason,
        entries.context,
        -- A Clockify id begins with its second of creation; a session's entry dates from its first to its last activity.
        case entries.source
            when 'clockify'
                then
                    case
                        when entries.clockify_id ~ '^[0-9a-f]{24}$'
                            then to_timestamp(('x' || left(entries.clockify_id, 8))::bit(32)::bigint)
                    end
            when 'tempo' then worklogs.created_at
            when 'manual' then row_history.created_at
            else entries.start_time
        end as created_at,
        case entries.source
            when 'tempo' then worklogs.updated_at
            when 'manual' then row_history.updated_at
            when 'claude_session' then entries.end_time
        end as updated_at,
        entries.logged_elsewhere_seconds
    from entries
    left join billed_entries on entries.id = billed_entries.time_entry_id
    left join worklogs on entries.tempo_worklog_id = worklogs.tempo_worklog_id
    left join work_logs on entries.work_log_id = work_logs.work_log_id
    left join row_history on work_logs.row_key = row_history.row_key
)

select * from final
