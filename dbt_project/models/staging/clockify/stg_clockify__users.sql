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
        case when status = 'ACTIVE' then 'active' else 'inactive' end as status,
        timezone,
        loaded_at
    from source_rows
    order by id, status != 'ACTIVE', workspace_id
)

select * from final
