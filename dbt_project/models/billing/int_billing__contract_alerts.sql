with

allocations as (
    select * from {{ ref('int_billing__contract_allocations') }}
    where contract_period_id is not null
),

periods as (
    select * from {{ ref('int_billing__contract_periods') }}
    where not is_deleted
),

thresholds as (
    select threshold_percent
    from (values (80), (100)) as warned (threshold_percent)
),

-- The part of an entry that brings the period's use to the threshold or beyond.
final as (
    select distinct on (allocations.contract_period_id, thresholds.threshold_percent)
        allocations.contract_period_id,
        thresholds.threshold_percent,
        allocations.time_entry_id,
        allocations.developer_id,
        allocations.local_date
    from allocations
    inner join periods on allocations.contract_period_id = periods.contract_period_id
    cross join thresholds
    where
        (allocations.seconds_before + allocations.seconds) * 100 >= periods.allocated_seconds * thresholds.threshold_percent
        -- It was not reached before; a period of no hours is by its first second.
        and (
            allocations.seconds_before * 100 < periods.allocated_seconds * thresholds.threshold_percent
            or allocations.seconds_before = 0
        )
    order by allocations.contract_period_id asc, thresholds.threshold_percent asc, allocations.seconds_before asc
)

select * from final
