{# One period of a contract at a time: each begins the day after the one before ends, and none ends before it begins. #}
with

periods as (
    select
        *,
        lead(period_start) over (partition by contract_id order by period_start) as next_start
    from {{ ref('contract_periods') }}
)

select
    id,
    contract_id,
    period_start,
    period_end,
    next_start
from periods
where period_end < period_start or next_start != period_end + 1 or used_hours < 0
