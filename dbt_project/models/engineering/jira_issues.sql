{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['key'], 'unique': true},
    {'columns': ['project_key']},
    {'columns': ['project_id']},
    {'columns': ['client_id']},
    {'columns': ['assignee_id']},
    {'columns': ['status']},
    {'columns': ['parent_key']},
    {'columns': ['created_at']},
    {'columns': ['updated_at']},
    {'columns': ['reporter_id']},
    {'columns': ['status_category']},
    {'columns': ['due_date']},
    {'columns': ['resolved_at']},
]) }}

with

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

mirror_issues as (
    select * from {{ ref('stg_clickhouse__issues') }}
),

former_keys as (
    select * from {{ ref('int_identity__former_issue_keys') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'jira'
),

projects as (
    select * from {{ ref('projects') }}
    where not is_deleted
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

keys_of_issues as (
    select
        issue_id,
        array_agg(former_key order by moved_at nulls last, former_key) as former_keys
    from former_keys
    group by issue_id
),

-- A Jira project that several projects name is assigned to none of them.
projects_by_key as (
    select
        upper(jira_project_key) as project_key,
        min(id) as project_id,
        min(client_id) as client_id
    from projects
    where jira_project_key is not null
    group by upper(jira_project_key)
    having count(*) = 1
),

-- An issue known only from the mirror has a key but no Jira id; as soon as it lands from Jira, Jira's row is used.
all_issues as (
    select
        issue_id,
        issue_key,
        project_key,
        summary,
        description_text,
        status,
        status_category,
        issue_type,
        priority,
        resolution,
        labels,
        assignee_account_id,
        reporter_account_id,
        story_points,
        parent_key,
        is_subtask,
        due_date,
        original_estimate_seconds,
        time_spent_seconds,
        created_at,
        updated_at,
        resolved_at,
        visibility,
        is_deleted,
        deleted_at
    from issues
    union all
    select
        'MIR-' || upper(issue_key) as issue_id,
        upper(issue_key) as issue_key,
        regexp_replace(upper(issue_key), '-[0-9]+$', '') as project_key,
        summary,
        null as description_text,
        null as status,
        null as status_category,
        issue_type,
        priority,
        null as resolution,
        array_remove(array[project_label], null) as labels,
        null as assignee_account_id,
        null as reporter_account_id,
        null as story_points,
        null as parent_key,
        false as is_subtask,
        null as due_date,
        null as original_estimate_seconds,
        null as time_spent_seconds,
        null as created_at,
        null as updated_at,
        null as resolved_at,
        case when is_deleted then 'deleted' else 'visible' end as visibility,
        is_deleted,
        deleted_at
    from mirror_issues
    where
        upper(issue_key) not in (
            select issues.issue_key from issues
            union all
            select former_keys.former_key from former_keys
        )
),

-- Several rows may have the same key: a deleted issue, and an issue that was moved to that key later.
ranked as (
    select
        *,
        row_number() over (partition by issue_key order by is_deleted asc, updated_at desc nulls last, issue_id collate "C") as key_rank
    from all_issues
),

final as (
    select
        ranked.issue_id as id,
        case when ranked.key_rank = 1 then ranked.issue_key else ranked.issue_key || '#' || ranked.issue_id end as key,
        ranked.project_key,
        projects_by_key.project_id,
        projects_by_key.client_id,
        ranked.summary,
        ranked.description_text as description,
        ranked.status,
        ranked.status_category,
        ranked.issue_type,
        ranked.priority,
        ranked.resolution,
        ranked.labels,
        assignees.developer_id as assignee_id,
        ranked.assignee_account_id,
        reporters.developer_id as reporter_id,
        ranked.reporter_account_id,
        ranked.story_points::numeric(12, 4) as story_points,
        ranked.parent_key,
        ranked.is_subtask,
        coalesce(keys_of_issues.former_keys, '{}'::text[]) as former_keys,
        ranked.due_date,
        ranked.original_estimate_seconds,
        ranked.time_spent_seconds,
        ranked.created_at,
        ranked.updated_at,
        ranked.resolved_at,
        ranked.visibility,
        ranked.is_deleted,
        ranked.deleted_at
    from ranked
    cross join agency
    left join keys_of_issues on ranked.issue_id = keys_of_issues.issue_id
    left join projects_by_key on ranked.project_key = projects_by_key.project_key
    left join accounts as assignees
        on
            ranked.assignee_account_id = assignees.native_id
            and {{ local_date('ranked.updated_at', 'agency.timezone') }} between assignees.valid_from and assignees.valid_to
    left join accounts as reporters on
        ranked.reporter_account_id = reporters.native_id
        and {{ local_date('ranked.created_at', 'agency.timezone') }} between reporters.valid_from and reporters.valid_to
)

select * from final
