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
    -- An issue shows its project's new key only after somebody edits it.
    select
        jira_project_id,
        project_key
    from issues
),

registered as (
    {% if is_incremental() %}
        select
            jira_project_id,
            project_key
        from {{ this }}
    {% else %}
        select
            null::text as jira_project_id,
            null::text as project_key
        where false
    {% endif %}
),

new_keys as (
    select
        jira_project_id,
        project_key
    from keys
    where jira_project_id is not null and project_key is not null
    except
    select
        jira_project_id,
        project_key
    from registered
),

final as (
    select
        jira_project_id,
        project_key,
        current_timestamp as first_seen_at
    from new_keys
)

select * from final
