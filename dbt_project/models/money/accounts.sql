{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['plaid_account_id'], 'unique': true},
    {'columns': ['item_id']},
]) }}

with

final as (
    select
        id,
        plaid_account_id,
        item_id,
        label,
        institution,
        scope,
        account_type,
        entity,
        currency,
        balance_current::numeric(14, 2) as balance_current,
        balance_available::numeric(14, 2) as balance_available,
        is_deleted,
        deleted_at
    from {{ ref('int_money__accounts') }}
    where scope = 'business'
)

select * from final
