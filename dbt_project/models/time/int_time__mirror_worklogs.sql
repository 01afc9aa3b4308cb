{{ config(materialized='view') }}

with

worklogs as (
    select * from {{ ref('stg_clickhouse__worklogs') }}
),

mirror_identifiers as (
    select * from {{ ref('int_time__mirror_identifiers') }}
),

mirror_issues as (
    select * from {{ ref('stg_clickhouse__issues') }}
),

-- Jira's own labels of an issue, if Jira is landed next to the mirror: they may classify the time.
jira_labels as (
    select
        issue_key,
        max(labels) as labels
    from {{ ref('int_identity__issue_projects') }}
    group by issue_key
),

projects as (
    select * from {{ ref('int_identity__projects') }}
    where not is_deleted
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'jira'
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

former_project_keys as (
    select * from {{ ref('int_identity__former_project_keys') }}
),

projects_by_key as (
    select
        jira_project_key as project_key,
        array_agg(project_id order by project_id) as project_ids
    from projects
    where jira_project_key is not null
    group by jira_project_key
),

project_labels as (
    select
        project_id,
        {{ natural_key('name') }} as label
    from projects
    union
    select
        projects.project_id,
        {{ natural_key('labels.label') }} as label
    from projects
    cross join lateral unnest(projects.labels) as labels (label)
),

projects_by_label as (
    select
        label,
        array_agg(project_id order by project_id) as project_ids
    from project_labels
    group by label
),

keyed as (
    select
        worklogs.*,
        upper(worklogs.issue_key) as upper_issue_key,
        coalesce(
            former_project_keys.project_key, regexp_replace(upper(worklogs.issue_key), '-[0-9]+$', '')
        ) as project_key
    from worklogs
    left join former_project_keys on regexp_replace(upper(worklogs.issue_key), '-[0-9]+$', '') = former_project_keys.former_key
),

final as (
    select
        -- A worklog whose id the mirror has gets the same identifier as by the API route.
        coalesce('TMP-' || keyed.worklog_id, mirror_identifiers.id) as id,
        keyed.worklog_id as tempo_worklog_id,
        developers.developer_id,
        coalesce(developers.developer_id, 'jira:' || keyed.account_id) as person_key,
        coalesce(projects_by_key.project_ids, projects_by_label.project_ids) as project_ids,
        keyed.upper_issue_key as issue_key,
        mirror_issues.issue_type,
        mirror_issues.priority,
        array_remove(array[keyed.project_label, keyed.project_key] || jira_labels.labels, null) as labels,
        array_remove(array[keyed.project_label], null) as application_labels,
        null::text as description,
        -- The mirror has only dates.
        null::timestamptz as start_time,
        null::timestamptz as end_time,
        keyed.duration_seconds,
        keyed.start_date as local_date,
        true as is_billable,
        keyed.is_deleted,
        jsonb_strip_nulls(jsonb_build_object(
            'project_label', keyed.project_label,
            'user_id', case when developers.developer_id is null then keyed.account_id end
        )) as context
    from keyed
    left join mirror_identifiers on keyed.mirror_row_id = mirror_identifiers.mirror_row_id
    left join mirror_issues on keyed.issue_key = mirror_issues.issue_key
    left join jira_labels on keyed.upper_issue_key = jira_labels.issue_key
    left join accounts
        on
            keyed.account_id = accounts.native_id
            and keyed.start_date between accounts.valid_from and accounts.valid_to
    left join developers on accounts.developer_id = developers.developer_id
    left join projects_by_key on keyed.project_key = projects_by_key.project_key
    left join projects_by_label on {{ natural_key('keyed.project_label') }} = projects_by_label.label
)

select * from final
