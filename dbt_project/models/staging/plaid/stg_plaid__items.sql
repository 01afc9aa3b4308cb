with

source_rows as (
    select * from {{ source('plaid', 'items') }}
),

final as (
    select
        item_id,
        institution_id,
        institution_name,
        cursor,
        coalesce(error_code, 'ok') as status,
        full_update_number,
        loaded_at
    from source_rows
)

select * from final
