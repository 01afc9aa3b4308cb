{{ config(indexes=[{'columns': ['time_entry_id'], 'unique': true}, {'columns': ['reason']}]) }}

select
    time_entry_id,
    seconds,
    reason
from {{ ref('int_billing__unbilled') }}
