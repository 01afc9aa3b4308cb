{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='fail',
    indexes=[{'columns': ['jira_project_id', 'project_key'], 'unique': true}],
) }}

with

projects as (
    select * from {{ ref('stg_jira__projects') }}
),

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

keys as (
    select
        jira_project_id,
        project_key
    from projects
    union
    -- An issue brings its project's new key only when somebody edits it.
    select
        jira_project_id,
        project_key
    from issues
),

final as (
    select
        jira_project_id,
        project_key,
        current_timestamp as first_seen_at
    from keys
    where
        jira_project_id is not null
        and project_key is not null
        {% if is_incremental() %}
            and not exists (
                select 1
                from {{ this }} as registered
                where registered.jira_project_id = keys.jira_project_id and registered.project_key = keys.project_key
            )
        {% endif %}
)

select * from final
