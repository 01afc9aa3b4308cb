{{ config(indexes=[{'columns': ['sha'], 'unique': true}]) }}

with

commits as (
    select * from {{ ref('stg_github__commits') }}
),

repositories as (
    select * from {{ ref('int_engineering__repositories') }}
),

identifiers as (
    select * from {{ ref('int_engineering__commit_identifiers') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- The repository that is not a fork, else the first seen (rule 8.2).
chosen as (
    select distinct on (commits.sha)
        commits.*,
        repositories.repo,
        bool_or(commits.is_reachable) over (partition by commits.sha) as is_reachable_anywhere
    from commits
    left join repositories on commits.repository_id = repositories.repository_id
    order by commits.sha, repositories.is_fork nulls last, repositories.first_seen_at, commits.repository_id
),

final as (
    select
        identifiers.id as commit_id,
        chosen.sha,
        chosen.repo,
        chosen.message,
        chosen.authored_at,
        chosen.committed_at,
        {{ local_date('coalesce(chosen.authored_at, chosen.committed_at)', 'agency.timezone') }} as agency_date,
        chosen.author_name,
        chosen.author_email,
        chosen.author_login,
        chosen.authors,
        chosen.additions,
        chosen.deletions,
        chosen.changed_files,
        chosen.is_merge,
        chosen.is_bot or coalesce(chosen.author_login, '') like '%[bot]' as is_bot,
        coalesce(chosen.is_reachable_anywhere, true) as is_reachable
    from chosen
    cross join agency
    left join identifiers on chosen.sha = identifiers.sha
)

select * from final
