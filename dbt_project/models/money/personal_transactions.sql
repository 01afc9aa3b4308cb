{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['date']},
    {'columns': ['client_id', 'date']},
    {'columns': ['project_id']},
    {'columns': ['account_id']},
    {'columns': ['type', 'date']},
    {'columns': ['authorized_on']},
]) }}

{{ bank_transactions(business=false) }}
