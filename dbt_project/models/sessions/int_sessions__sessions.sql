{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    indexes=[{'columns': ['session_id'], 'unique': true}, {'columns': ['person_key']}],
) }}

with

contexts as (
    select * from {{ ref('int_sessions__contexts') }}
    where {{ of_changed_sessions() }}
),

file_owners as (
    select * from {{ ref('int_sessions__file_owners') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

sessions as (
    select
        session_id,
        -- Lines copied from another session are ignored if the session has lines of its own.
        coalesce(min(first_ms) filter (where not is_copied), min(first_ms)) as first_ms,
        coalesce(max(last_ms) filter (where not is_copied), max(last_ms)) as last_ms
    from contexts
    group by session_id
),

first_files as (
    select distinct on (session_id)
        session_id,
        file_id
    from contexts
    order by session_id, first_ms, is_copied, first_line_offset, file_id collate "C"
),

first_cwds as (
    select distinct on (session_id)
        session_id,
        cwd
    from contexts
    where cwd is not null
    order by session_id, is_copied, first_ms, first_line_offset, cwd collate "C"
),

first_branches as (
    select distinct on (session_id)
        session_id,
        git_branch
    from contexts
    where git_branch is not null
    order by session_id, is_copied, first_ms, first_line_offset, git_branch collate "C"
),

first_versions as (
    select distinct on (session_id)
        session_id,
        version
    from contexts
    where version is not null
    order by session_id, is_copied, first_ms, first_line_offset, version collate "C"
),

final as (
    select
        sessions.session_id,
        file_owners.developer_id,
        -- Files of one root without a developer belong to one person; only sessions of one person share time.
        coalesce(file_owners.developer_id, 'root:' || coalesce(file_owners.host, '') || ':' || coalesce(file_owners.root_path, '')) as person_key,
        coalesce(file_owners.timezone, agency.timezone) as timezone,
        file_owners.root_path,
        file_owners.host,
        first_cwds.cwd,
        first_branches.git_branch,
        first_versions.version,
        sessions.first_ms,
        sessions.last_ms
    from sessions
    cross join agency
    inner join first_files on sessions.session_id = first_files.session_id
    left join file_owners on first_files.file_id = file_owners.file_id
    left join first_cwds on sessions.session_id = first_cwds.session_id
    left join first_branches on sessions.session_id = first_branches.session_id
    left join first_versions on sessions.session_id = first_versions.session_id
)

select * from final
