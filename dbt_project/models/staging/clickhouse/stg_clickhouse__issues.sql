with

source_rows as (
    select * from {{ source('clickhouse', 'jira_issues') }}
),

final as (
    select
        issue_key,
        issue_type,
        priority,
        project_label,
        summary,
        is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
