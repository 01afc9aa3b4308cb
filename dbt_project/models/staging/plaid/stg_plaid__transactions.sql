with

source_rows as (
    select * from {{ source('plaid', 'transactions') }}
),

removals as (
    select * from {{ source('plaid', 'transaction_removals') }}
),

items as (
    select * from {{ source('plaid', 'items') }}
),

final as (
    select
        source_rows.transaction_id,
        source_rows.item_id,
        source_rows.account_id as plaid_account_id,
        source_rows.amount as plaid_amount,
        coalesce(source_rows.iso_currency_code, source_rows.unofficial_currency_code) as currency,
        source_rows.date as posted_on,
        source_rows.authorized_date as authorized_on,
        coalesce(source_rows.pending, false) as is_pending,
        source_rows.pending_transaction_id,
        source_rows.name,
        source_rows.merchant_name,
        source_rows.original_description,
        -- Who paid, as far as the bank says: of a transfer by name, else as Plaid sees it.
        coalesce(
            source_rows.record #>> '{payment_meta,payer}',
            source_rows.record #>> '{payment_meta,by_order_of}',
            source_rows.record #>> '{counterparties,0,name}',
            source_rows.merchant_name
        ) as payer,
        concat_ws(
            ' ', source_rows.record #>> '{payment_meta,reason}', source_rows.record #>> '{payment_meta,reference_number}'
        ) as payment_reference,
        source_rows.record #>> '{payment_meta,payment_method}' as payment_method,
        source_rows.category_primary,
        source_rows.category_detailed,
        coalesce(removals.update_number >= source_rows.update_number, false)
        or (
            source_rows.update_number < coalesce(items.full_update_number, 0)
            and source_rows.date >= coalesce(items.full_update_since, '-infinity')
        ) as is_deleted,
        case when removals.update_number >= source_rows.update_number then removals.removed_at end as deleted_at,
        source_rows.loaded_at
    from source_rows
    left join removals on source_rows.transaction_id = removals.transaction_id
    left join items on source_rows.item_id = items.item_id
)

select * from final
