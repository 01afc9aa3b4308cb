with

source_rows as (
    select * from {{ source('clockify', 'tags') }}
),

final as (
    select
        id as tag_id,
        workspace_id,
        name,
        coalesce(archived, false) as is_archived,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
