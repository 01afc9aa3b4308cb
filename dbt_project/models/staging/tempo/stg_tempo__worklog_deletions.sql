with

source_rows as (
    select * from {{ source('tempo', 'worklog_deletions') }}
),

final as (
    select
        id::text as tempo_worklog_id,
        reason,
        deleted_by as deleted_by_account_id,
        is_deleted,
        deleted_at,
        found_at,
        loaded_at
    from source_rows
)

select * from final
