with

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

jira_projects as (
    select * from {{ ref('stg_jira__projects') }}
),

projects as (
    select * from {{ ref('int_identity__projects') }}
    where not is_deleted
),

former_keys as (
    select
        project_key,
        array_agg(former_key order by former_key) as former_keys
    from {{ ref('int_identity__former_project_keys') }}
    group by project_key
),

-- A Jira project's key, former keys and name are labels of its issues, in addition to their own (rule 4.12).
labelled_issues as (
    select
        issues.issue_id,
        issues.issue_key,
        issues.project_key,
        -- Until somebody edits it, an issue keeps the former key of its project.
        coalesce(jira_projects.project_key, issues.project_key) as present_project_key,
        array_remove(issues.labels || array[issues.project_key, jira_projects.name] || former_keys.former_keys, null) as labels
    from issues
    left join jira_projects on issues.jira_project_id = jira_projects.jira_project_id
    left join former_keys on jira_projects.project_key = former_keys.project_key
),

projects_by_key as (
    select
        jira_project_key,
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
        labelled_issues.issue_id,
        array_agg(distinct project_labels.project_id order by project_labels.project_id) as project_ids
    from labelled_issues
    cross join lateral unnest(labelled_issues.labels) as labels (label)
    inner join project_labels on {{ natural_key('labels.label') }} = project_labels.label
    group by labelled_issues.issue_id
),

final as (
    select
        labelled_issues.issue_id,
        labelled_issues.issue_key,
        labelled_issues.project_key,
        labelled_issues.labels,
        coalesce(projects_by_key.project_ids, projects_by_label.project_ids) as project_ids,
        (coalesce(projects_by_key.project_ids, projects_by_label.project_ids))[1] as project_id
    from labelled_issues
    left join projects_by_key on labelled_issues.present_project_key = projects_by_key.jira_project_key
    left join projects_by_label on labelled_issues.issue_id = projects_by_label.issue_id
)

select * from final
