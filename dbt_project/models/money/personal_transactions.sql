{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['date']},
    {'columns': ['client_id', 'date']},
    {'columns': ['project_id']},
    {'columns': ['account_id']},
    {'columns': ['type', 'date']},
    {'columns': ['authorized_on']},
]) }}

with

final as (
    select
        id,
        transaction_id,
        date,
        authorized_on,
        description,
        merchant_name,
        amount::numeric(14, 2) as amount,
        currency,
        category,
        category_detailed,
        type,
        client_id,
        project_id,
        account_id,
        item_id,
        entity,
        scope,
        allocated,
        is_pending,
        pending_transaction_id,
        amount_as_sent
    from {{ ref('int_money__transactions') }}
    where scope <> 'business'
)

select * from final
