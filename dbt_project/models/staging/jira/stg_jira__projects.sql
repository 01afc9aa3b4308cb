with

source_rows as (
    select * from {{ source('jira', 'projects') }}
),

final as (
    select
        id as jira_project_id,
        upper(key) as project_key,
        name,
        project_type,
        style,
        category,
        lead_id as lead_account_id,
        state,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
