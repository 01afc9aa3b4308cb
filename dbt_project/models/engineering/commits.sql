{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['sha'], 'unique': true},
    {'columns': ['developer_id', 'local_date']},
    {'columns': ['client_id', 'local_date']},
    {'columns': ['project_id']},
    {'columns': ['repo']},
    {'columns': ['authored_at']},
    {'columns': ['local_date']},
    {'columns': ['committed_at']},
]) }}

with

commits as (
    select * from {{ ref('int_engineering__commits') }}
),

authors as (
    select * from {{ ref('commit_authors') }}
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

repo_mappings as (
    select * from {{ ref('int_engineering__repo_mappings') }}
),

project_keys as (
    select * from {{ ref('int_identity__project_keys') }}
),

present_keys as (
    select * from {{ ref('int_engineering__issue_keys') }}
),

mentions as (
    select
        commits.sha,
        array_agg(distinct coalesce(present_keys.issue_key, found.parts[1])) as issue_keys
    from commits
    cross join lateral {{ issue_keys_in('commits.message') }} as found (parts)
    inner join project_keys on regexp_replace(found.parts[1], '-[0-9]+$', '') = project_keys.project_key
    left join present_keys on found.parts[1] = present_keys.key
    group by commits.sha
),

co_authors as (
    select
        sha,
        count(*) filter (where is_co_author and not is_assistant) as co_author_count,
        bool_or(is_assistant) as is_assisted
    from authors
    group by sha
),

dated as (
    select
        commits.*,
        authors.developer_id,
        authors.github_login,
        {{ local_date(
            'coalesce(commits.authored_at, commits.committed_at)', 'coalesce(developers.timezone, agency.timezone)'
        ) }} as local_date
    from commits
    cross join agency
    left join authors on commits.sha = authors.sha and not authors.is_co_author
    left join developers on authors.developer_id = developers.developer_id
),

final as (
    select
        dated.commit_id as id,
        dated.sha,
        dated.repo,
        dated.message,
        dated.developer_id,
        dated.author_login as github_author_login,
        dated.author_name,
        dated.author_email,
        dated.authored_at,
        dated.committed_at,
        dated.local_date,
        repo_mappings.client_id,
        repo_mappings.project_id,
        dated.additions,
        dated.deletions,
        dated.changed_files,
        coalesce(dated.is_merge, false) as is_merge,
        dated.is_bot,
        dated.is_reachable,
        coalesce(co_authors.is_assisted, false) as is_assisted,
        coalesce(co_authors.co_author_count, 0) as co_author_count,
        coalesce(mentions.issue_keys, '{}'::text[]) as issue_keys
    from dated
    left join co_authors on dated.sha = co_authors.sha
    left join mentions on dated.sha = mentions.sha
    left join repo_mappings on
        lower(dated.repo) = repo_mappings.repo
        and dated.local_date >= repo_mappings.valid_from
        and dated.local_date < repo_mappings.valid_until
)

select * from final
