{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['date']},
    {'columns': ['client_id', 'date']},
    {'columns': ['project_id']},
    {'columns': ['account_id']},
    {'columns': ['type', 'date']},
    {'columns': ['authorized_on']},
]) }}

select * from {{ ref('int_money__transactions') }}
where scope = 'business'
