{{ config(
    materialized='incremental',
    incremental_strategy='changed_dates_of_time',
    on_schema_change='fail',
    indexes=[{'columns': ['local_date']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

tempo_worklogs as (
    select * from {{ ref('int_time__tempo_worklogs') }}
    where {{ of_changed_dates(subject='time') }}
),

mirror_worklogs as (
    select * from {{ ref('int_time__mirror_worklogs') }}
    where {{ of_changed_dates(subject='time') }}
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
    where not is_deleted
),

project_terms as (
    select * from {{ ref('int_agreements__project_terms') }}
),

value_map as (
    select * from {{ ref('stg_reference__jira_value_map') }}
),

-- Both routes may be landed; one bills (rule 6.1).
worklogs as (
    select * from tempo_worklogs
    where '{{ var("worklog_route") }}' = 'tempo'
    union all
    select * from mirror_worklogs
    where '{{ var("worklog_route") }}' = 'clickhouse'
),

-- One row per label, joined before dates: few applications share a label, many share a day.
application_labels as materialized (
    select
        applications.application_order,
        applications.valid_from,
        applications.valid_to,
        labels.label
    from applications
    cross join lateral unnest(applications.labels) as labels (label)
),

worklog_labels as materialized (
    select
        worklogs.id,
        worklogs.local_date,
        {{ natural_key('labels.label') }} as label
    from worklogs
    cross join lateral unnest(worklogs.application_labels) as labels (label)
),

-- Of several applications in force the lowest id (rule 4.12).
matches as (
    select
        worklog_labels.id,
        min(application_labels.application_order) as application_order,
        count(distinct application_labels.application_order) as application_count
    from worklog_labels
    inner join application_labels
        on
            worklog_labels.label = application_labels.label
            and worklog_labels.local_date between application_labels.valid_from and application_labels.valid_to
    group by worklog_labels.id
),

matched as (
    select
        worklogs.*,
        applications.application_id,
        applications.client_id as application_client_id,
        coalesce(matches.application_count, 0) as application_count
    from worklogs
    left join matches on worklogs.id = matches.id
    left join applications on matches.application_order = applications.application_order
),

-- Of several projects, one of the application's client, then the lowest id (rule 3.10).
project_choices as materialized (
    select
        matched.id,
        matched.local_date,
        matched.application_client_id,
        projects.project_id
    from matched
    cross join lateral unnest(matched.project_ids) as projects (project_id)
    where cardinality(matched.project_ids) > 1 and matched.application_client_id is not null
),

projects_of_clients as (
    select
        project_choices.id,
        min(project_choices.project_id) as project_id
    from project_choices
    inner join project_terms
        on
            project_choices.project_id = project_terms.project_id
            and project_choices.application_client_id = project_terms.client_id
            and project_choices.local_date between project_terms.valid_from and project_terms.valid_to
    group by project_choices.id
),

placed as (
    select
        matched.*,
        coalesce(projects_of_clients.project_id, matched.project_ids[1]) as project_id
    from matched
    left join projects_of_clients on matched.id = projects_of_clients.id
),

final as (
    select
        placed.id,
        placed.tempo_worklog_id,
        placed.developer_id,
        placed.person_key,
        -- The application's client wins over the project's, for the policies too.
        case when placed.application_id is null then project_terms.client_id else placed.application_client_id end as client_id,
        project_terms.client_id as project_client_id,
        placed.project_id,
        placed.application_id,
        placed.application_count,
        placed.issue_key,
        -- A value missing from the map is kept; the comparison after it is exact (rule 4.7).
        coalesce(issue_types.meaning, placed.issue_type) as issue_type,
        coalesce(priorities.meaning, placed.priority) as priority,
        placed.labels,
        placed.description,
        placed.start_time,
        placed.end_time,
        placed.duration_seconds,
        placed.local_date,
        placed.is_billable,
        placed.is_deleted,
        placed.context
    from placed
    left join project_terms
        on
            placed.project_id = project_terms.project_id
            and placed.local_date between project_terms.valid_from and project_terms.valid_to
    left join value_map as issue_types on issue_types.kind = 'issue_type' and placed.issue_type = issue_types.value
    left join value_map as priorities on priorities.kind = 'priority' and placed.priority = priorities.value
)

select * from final
