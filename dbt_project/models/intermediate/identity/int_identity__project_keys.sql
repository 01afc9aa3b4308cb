with

projects as (
    select * from {{ ref('int_identity__projects') }}
),

final as (
    select distinct jira_project_key as project_key
    from projects
    where jira_project_key is not null and not is_deleted
)

select * from final
