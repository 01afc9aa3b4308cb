with

source_rows as (
    select * from {{ source('jira', 'issue_deletions') }}
),

final as (
    select
        id as issue_id,
        upper(key) as issue_key,
        project_id as jira_project_id,
        state,
        is_deleted,
        deleted_at,
        found_at,
        loaded_at
    from source_rows
)

select * from final
