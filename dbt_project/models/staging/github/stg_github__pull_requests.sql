with

source_rows as (
    select * from {{ source('github', 'pull_requests') }}
),

first_reviews as (
    select
        source_rows.id,
        min((review ->> 'submittedAt')::timestamptz) as first_review_at
    from source_rows
    cross join lateral jsonb_array_elements(source_rows.reviews) as review
    where (review -> 'author' ->> 'login') is distinct from source_rows.author_login
    group by source_rows.id
),

final as (
    select
        source_rows.id as github_id,
        source_rows.repository_id,
        source_rows.number,
        source_rows.title,
        lower(source_rows.state) as state,
        coalesce(source_rows.is_draft, false) as is_draft,
        source_rows.author_login,
        coalesce(source_rows.author_type = 'Bot' or source_rows.author_login like '%[bot]', false) as is_bot,
        source_rows.created_at as opened_at,
        source_rows.updated_at,
        source_rows.closed_at,
        source_rows.merged_at,
        source_rows.merged_by_login,
        source_rows.merge_commit_sha,
        source_rows.base_branch,
        source_rows.head_branch,
        source_rows.additions,
        source_rows.deletions,
        source_rows.changed_files,
        source_rows.commit_count,
        first_reviews.first_review_at,
        source_rows.loaded_at
    from source_rows
    left join first_reviews on source_rows.id = first_reviews.id
)

select * from final
