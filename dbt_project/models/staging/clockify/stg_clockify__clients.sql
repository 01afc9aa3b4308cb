with

source_rows as (
    select * from {{ source('clockify', 'clients') }}
),

final as (
    select
        id as clockify_id,
        workspace_id,
        trim(name) as name,
        email,
        coalesce(archived, false) as is_archived,
        upper(currency_code) as currency,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
