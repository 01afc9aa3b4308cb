with

source_rows as (
    select * from {{ source('github', 'commits') }}
),

final as (
    select
        sha,
        repository_id,
        message,
        authored_at,
        committed_at,
        author_name,
        lower(author_email) as author_email,
        author_login,
        authors,
        additions,
        deletions,
        changed_files,
        coalesce(parent_count, 0) > 1 as is_merge,
        coalesce(author_email, '') like '%[bot]@%' or coalesce(author_name, '') like '%[bot]' as is_bot,
        is_reachable,
        loaded_at
    from source_rows
)

select * from final
