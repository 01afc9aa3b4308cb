with

source_rows as (
    select * from {{ source('example', 'things') }}
),

final as (
    select
        id as thing_id,
        name,
        owner_email,
        created_at,
        loaded_at
    from source_rows
)

select * from final
