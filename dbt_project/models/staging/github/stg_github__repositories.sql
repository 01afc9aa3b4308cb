with

source_rows as (
    select * from {{ source('github', 'repositories') }}
),

final as (
    select
        id as repository_id,
        full_name as repo,
        name as repo_name,
        owner_login as organization,
        default_branch,
        coalesce(is_fork, false) as is_fork,
        coalesce(is_archived, false) as is_archived,
        created_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
