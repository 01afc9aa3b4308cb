with

source_rows as (
    select * from {{ source('jira', 'fields') }}
),

final as (
    select
        id as field_id,
        name,
        coalesce(is_custom, false) as is_custom,
        value_type,
        custom_type,
        coalesce(is_story_points, false) as is_story_points,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
