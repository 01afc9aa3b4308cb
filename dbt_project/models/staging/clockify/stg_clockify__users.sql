with

source_rows as (
    select * from {{ source('clockify', 'users') }}
),

final as (
    select distinct on (id)
        id as user_id,
        workspace_id,
        nullif(lower(trim(email)), '') as email,
        name,
        case when status = 'ACTIVE' and not coalesce(is_deleted, false) then 'active' else 'inactive' end as status,
        timezone,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
    order by id, coalesce(is_deleted, false), status is distinct from 'ACTIVE', workspace_id
)

select * from final
