{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['item_id'], 'unique': true},
    {'columns': ['status']},
]) }}

with

items as (
    select * from {{ ref('stg_plaid__items') }}
),

final as (
    select
        {{ hashed_identifier('ITM', 'item_id', 'item_id') }} as id,
        item_id,
        institution_name,
        cursor,
        status
    from items
)

select * from final
