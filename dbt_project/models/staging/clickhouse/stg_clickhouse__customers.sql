with

source_rows as (
    select * from {{ source('clickhouse', 'cdm_customers') }}
),

final as (
    select
        customer_id,
        company_name,
        tin,
        swift,
        signers,
        client,
        is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
