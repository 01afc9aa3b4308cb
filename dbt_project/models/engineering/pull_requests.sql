{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['github_id'], 'unique': true},
    {'columns': ['developer_id']},
    {'columns': ['client_id']},
    {'columns': ['project_id']},
    {'columns': ['repo']},
    {'columns': ['state']},
    {'columns': ['opened_at']},
    {'columns': ['merged_at']},
    {'columns': ['opened_date']},
    {'columns': ['merged_date']},
    {'columns': ['closed_at']},
    {'columns': ['first_review_at']},
]) }}

with

pull_requests as (
    select * from {{ ref('stg_github__pull_requests') }}
),

repositories as (
    select * from {{ ref('int_engineering__repositories') }}
),

accounts as (
    select * from {{ ref('int_engineering__accounts') }}
    where system = 'github'
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

people as (
    select distinct on (pull_requests.github_id)
        pull_requests.github_id,
        accounts.developer_id
    from pull_requests
    cross join agency
    inner join accounts
        on
            lower(pull_requests.author_login) = accounts.native_id
            and {{ local_date('pull_requests.opened_at', 'agency.timezone') }} between accounts.valid_from and accounts.valid_to
    -- A bot's pull request has no developer, even if the bot uses a person's account.
    where not pull_requests.is_bot
    order by pull_requests.github_id, accounts.preference, accounts.developer_id
),

found_keys as (
    select
        pull_requests.github_id,
        found.parts[1] as key
    from pull_requests
    cross join lateral {{ issue_keys_in('pull_requests.title') }} as found (parts)
    union
    select
        pull_requests.github_id,
        upper(found.parts[1]) as key
    from pull_requests
    cross join lateral {{ issue_keys_in('pull_requests.head_branch', any_case=true) }} as found (parts)
),

mentions as (
    select
        found_keys.github_id,
        array_agg(distinct coalesce(present_keys.issue_key, found_keys.key)) as issue_keys
    from found_keys
    inner join project_keys on regexp_replace(found_keys.key, '-[0-9]+$', '') = project_keys.project_key
    left join present_keys on found_keys.key = present_keys.key
    group by found_keys.github_id
),

dated as (
    select
        pull_requests.*,
        repositories.repo,
        repositories.slug,
        people.developer_id,
        {{ local_date('pull_requests.opened_at', 'coalesce(developers.timezone, agency.timezone)') }} as opened_date,
        {{ local_date('pull_requests.merged_at', 'coalesce(developers.timezone, agency.timezone)') }} as merged_date
    from pull_requests
    cross join agency
    left join repositories on pull_requests.repository_id = repositories.repository_id
    left join people on pull_requests.github_id = people.github_id
    left join developers on people.developer_id = developers.developer_id
),

final as (
    select
        'PR-' || coalesce(dated.slug, dated.repository_id::text) || '-' || dated.number as id,
        dated.github_id,
        dated.repo,
        dated.number,
        dated.title,
        dated.state,
        dated.is_draft,
        dated.developer_id,
        dated.author_login as github_author_login,
        dated.is_bot,
        repo_mappings.client_id,
        repo_mappings.project_id,
        dated.additions,
        dated.deletions,
        dated.changed_files,
        dated.commit_count,
        dated.base_branch,
        dated.head_branch,
        dated.merge_commit_sha,
        dated.merged_by_login,
        dated.opened_at,
        dated.first_review_at,
        dated.merged_at,
        dated.closed_at,
        dated.opened_date,
        dated.merged_date,
        {{ seconds_between('dated.opened_at', 'dated.first_review_at') }} as seconds_to_first_review,
        {{ seconds_between('dated.opened_at', 'dated.merged_at') }} as seconds_to_merge,
        coalesce(mentions.issue_keys, '{}'::text[]) as issue_keys
    from dated
    left join mentions on dated.github_id = mentions.github_id
    left join repo_mappings on
        lower(dated.repo) = repo_mappings.repo
        and dated.opened_date >= repo_mappings.valid_from
        and dated.opened_date < repo_mappings.valid_until
)

select * from final
