with

source_rows as (
    select * from {{ source('clickhouse', 'tempo_worklogs_flat') }}
),

final as (
    select
        row_id as mirror_row_id,
        worklog_id,
        duration_seconds,
        account_id,
        user_name,
        start_date,
        project_label,
        issue_key,
        ordinal,
        is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
