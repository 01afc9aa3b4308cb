with

source_rows as (
    {{ reference_rows('projects') }}
),

final as (
    select
        trim(project) as project,
        coalesce(status, 'active') as status,
        upper(trim(jira_project_key)) as jira_project_key,
        {{ split_list('labels') }} as labels,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
