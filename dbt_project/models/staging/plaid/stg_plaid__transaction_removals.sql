with

source_rows as (
    select * from {{ source('plaid', 'transaction_removals') }}
),

final as (
    select
        transaction_id,
        item_id,
        account_id as plaid_account_id,
        removed_at,
        update_number,
        loaded_at
    from source_rows
)

select * from final
