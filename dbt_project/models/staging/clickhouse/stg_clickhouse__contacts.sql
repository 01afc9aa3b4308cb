with

source_rows as (
    select * from {{ source('clickhouse', 'cdm_contacts') }}
),

final as (
    select
        contact_id,
        customer_id,
        name,
        email,
        phone,
        coalesce(is_billing, false) as is_billing,
        is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
