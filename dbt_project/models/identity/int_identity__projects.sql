with

known_projects as (
    select * from {{ ref('int_identity__known_projects') }}
),

clients as (
    select * from {{ ref('int_identity__clients') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'PRJ'
),

former_project_keys as (
    select * from {{ ref('int_identity__former_project_keys') }}
),

final as (
    select
        identifiers.id as project_id,
        known_projects.project_key,
        known_projects.clockify_id,
        -- The client in Clockify; the project's terms may set another for some dates.
        clients.client_id as clockify_client_id,
        known_projects.name,
        known_projects.project as reference_name,
        known_projects.hourly_rate as clockify_hourly_rate,
        known_projects.hourly_rate_currency as clockify_hourly_rate_currency,
        -- The file may still name a former key of the Jira project.
        coalesce(former_project_keys.project_key, known_projects.jira_project_key) as jira_project_key,
        known_projects.labels,
        known_projects.status,
        known_projects.row_key,
        known_projects.is_deleted,
        known_projects.deleted_at
    from known_projects
    inner join identifiers on known_projects.project_key = identifiers.natural_key
    left join former_project_keys on known_projects.jira_project_key = former_project_keys.former_key
    left join clients on known_projects.clockify_client_id = clients.clockify_id
)

select * from final
