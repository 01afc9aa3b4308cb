with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

jira_projects as (
    select * from {{ ref('stg_jira__projects') }}
),

mirror_issues as (
    select * from {{ ref('stg_clickhouse__issues') }}
),

former_project_keys as (
    select * from {{ ref('int_identity__former_project_keys') }}
),

final as (
    select project_key from jira_projects
    union
    select former_key as project_key from former_project_keys
    union
    -- If Jira is landed only through n8n, the landed issues show which projects exist.
    select regexp_replace(upper(issue_key), '-[0-9]+$', '') as project_key
    from mirror_issues
    union
    select jira_project_key as project_key
    from projects
    where jira_project_key is not null and not is_deleted
)

select * from final
