{{ config(materialized='view') }}

with

known_keys as (
    select * from {{ ref('jira_project_keys') }}
),

projects as (
    select * from {{ ref('stg_jira__projects') }}
),

-- A key that another project took over belongs to that project.
final as (
    select distinct on (known_keys.project_key)
        known_keys.project_key as former_key,
        projects.project_key,
        projects.jira_project_id,
        known_keys.first_seen_at
    from known_keys
    inner join projects on known_keys.jira_project_id = projects.jira_project_id
    where known_keys.project_key not in (select present.project_key from projects as present)
    order by known_keys.project_key asc, known_keys.first_seen_at desc, projects.jira_project_id asc
)

select * from final
