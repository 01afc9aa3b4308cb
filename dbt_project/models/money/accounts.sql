{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['plaid_account_id'], 'unique': true},
    {'columns': ['item_id']},
]) }}

select * from {{ ref('int_money__accounts') }}
where scope = 'business'
