with

source_rows as (
    select * from {{ source('clockify', 'time_entries') }}
),

final as (
    select
        id as clockify_id,
        workspace_id,
        user_id,
        project_id as clockify_project_id,
        task_id,
        description,
        coalesce(billable, false) as is_billable,
        coalesce(type, 'REGULAR') as entry_type,
        coalesce(is_locked, false) as is_locked,
        start_time,
        end_time,
        coalesce({{ iso_duration_seconds('duration') }}, {{ seconds_between('start_time', 'end_time') }}) as duration_seconds,
        tag_ids,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
