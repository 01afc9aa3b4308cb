{{ config(
    indexes=[{'columns': ['repository_id'], 'unique': true}],
    post_hook="
        insert into {{ ref('identifiers') }} (kind, natural_key, id, first_seen_at)
        select 'repository', repository_id::text, slug, first_seen_at from {{ this }}
        on conflict do nothing
    ",
) }}

with recursive

repositories as (
    select * from {{ ref('stg_github__repositories') }}
),

registered as (
    select
        kind,
        natural_key,
        id,
        first_seen_at
    from {{ ref('identifiers') }}
    where kind = 'repository'
),

-- If repositories share a name, the one seen later also takes its organization's name (rule 1.12).
new_repositories as (
    select
        'repository' as kind,
        repository_id::text as natural_key,
        repo as seen_order,
        repo_name as first_choice,
        organization || '-' || repo_name as second_choice,
        null::text as rest,
        '-' as separator
    from repositories
    where not exists (
        select 1 from registered
        where registered.natural_key = repositories.repository_id::text
    )
),

attempts as (
    {{ assign_identifiers('new_repositories', 'registered', 'attempts') }}
),

named as (
    select
        natural_key,
        id,
        first_seen_at
    from registered
    union all
    select
        natural_key,
        id,
        current_timestamp as first_seen_at
    from attempts
    where is_assigned
),

final as (
    select
        repositories.repository_id,
        repositories.repo,
        named.id as slug,
        repositories.is_fork,
        named.first_seen_at
    from repositories
    left join named on repositories.repository_id::text = named.natural_key
)

select * from final
