{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['plaid_account_id'], 'unique': true},
    {'columns': ['item_id']},
]) }}

{{ bank_accounts(business=false) }}
