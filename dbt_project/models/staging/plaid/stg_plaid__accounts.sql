with

source_rows as (
    select * from {{ source('plaid', 'accounts') }}
),

final as (
    select
        account_id as plaid_account_id,
        item_id,
        mask,
        name,
        official_name,
        type as plaid_type,
        subtype as plaid_subtype,
        currency,
        balance_current,
        balance_available,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
