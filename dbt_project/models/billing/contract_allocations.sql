{{ config(indexes=[
    {'columns': ['time_entry_id', 'part'], 'unique': true},
    {'columns': ['contract_id']},
    {'columns': ['contract_period_id']},
]) }}

select
    time_entry_id,
    contract_id,
    contract_period_id,
    part,
    seconds,
    rate_applied
from {{ ref('int_billing__contract_allocations') }}
