with

source_rows as (
    select * from {{ source('tempo', 'accounts') }}
),

final as (
    select
        id::text as tempo_account_id,
        key as account_key,
        name,
        status,
        coalesce(is_global, false) as is_global,
        lead_id as lead_account_id,
        customer_key,
        customer_name,
        category_key,
        category_type,
        monthly_budget as monthly_budget_hours,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
