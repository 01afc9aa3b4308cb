with

source_rows as (
    {{ reference_rows('project_classifications') }}
),

final as (
    select
        trim(project) as project,
        trim(label) as label,
        classification,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
