with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

jira_projects as (
    select * from {{ ref('stg_jira__projects') }}
),

final as (
    select project_key from jira_projects
    union
    select jira_project_key as project_key
    from projects
    where jira_project_key is not null and not is_deleted
)

select * from final
