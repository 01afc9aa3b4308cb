with

source_rows as (
    select * from {{ source('jira', 'issues') }}
),

deletion_rows as (
    select * from {{ source('jira', 'issue_deletions') }}
),

final as (
    select
        source_rows.id as issue_id,
        upper(source_rows.key) as issue_key,
        source_rows.project_id as jira_project_id,
        upper(coalesce(source_rows.project_key, regexp_replace(source_rows.key, '-[0-9]+$', ''))) as project_key,
        source_rows.summary,
        source_rows.description_text,
        source_rows.status_id,
        source_rows.status,
        source_rows.status_category,
        source_rows.issue_type,
        coalesce(source_rows.is_subtask, false) as is_subtask,
        source_rows.priority,
        source_rows.resolution,
        source_rows.assignee_id as assignee_account_id,
        source_rows.reporter_id as reporter_account_id,
        upper(source_rows.parent_key) as parent_key,
        array(select jsonb_array_elements_text(coalesce(source_rows.labels, '[]'::jsonb))) as labels,
        source_rows.story_points,
        source_rows.due_date,
        source_rows.original_estimate_seconds,
        source_rows.time_spent_seconds,
        source_rows.created_at,
        source_rows.updated_at,
        source_rows.resolved_at,
        coalesce(deletion_rows.state, 'visible') as visibility,
        coalesce(deletion_rows.is_deleted, false) as is_deleted,
        deletion_rows.deleted_at,
        source_rows.loaded_at
    from source_rows
    left join deletion_rows on source_rows.id = deletion_rows.id
)

select * from final
