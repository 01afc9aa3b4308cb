{{ config(indexes=[
    {'columns': ['time_entry_id', 'part'], 'unique': true},
    {'columns': ['contract_id']},
    {'columns': ['contract_period_id']},
]) }}

select * from {{ ref('int_contracts__allocations') }}
