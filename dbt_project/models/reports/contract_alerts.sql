with

allocations as (
    select * from {{ ref('int_billing__contract_allocations') }}
    where contract_period_id is not null
),

allowances as (
    select * from {{ ref('int_billing__contract_periods') }}
    where not is_deleted
),

periods as (
    select * from {{ ref('contract_periods') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

clients as (
    select * from {{ ref('clients') }}
),

developers as (
    select * from {{ ref('developers') }}
),

thresholds as (
    select threshold_percent
    from (values (80), (100)) as warned (threshold_percent)
),

-- The part of an entry with which the period's use reaches the threshold.
alerts as (
    select distinct on (allocations.contract_period_id, thresholds.threshold_percent)
        allocations.contract_period_id,
        thresholds.threshold_percent,
        allocations.time_entry_id,
        allocations.developer_id,
        allocations.local_date
    from allocations
    inner join allowances on allocations.contract_period_id = allowances.contract_period_id
    cross join thresholds
    where
        (allocations.seconds_before + allocations.seconds) * 100 >= allowances.allocated_seconds * thresholds.threshold_percent
        -- Not reached before; a period without hours is used up by its first second.
        and (
            allocations.seconds_before * 100 < allowances.allocated_seconds * thresholds.threshold_percent
            or allocations.seconds_before = 0
        )
    order by allocations.contract_period_id asc, thresholds.threshold_percent asc, allocations.seconds_before asc
),

final as (
    select
        contracts.client_id,
        clients.name as client,
        periods.contract_id,
        contracts.contract_number,
        contracts.name as contract,
        alerts.contract_period_id,
        periods.period_start,
        periods.period_end,
        alerts.threshold_percent,
        alerts.local_date as reached_on,
        alerts.time_entry_id,
        alerts.developer_id,
        developers.name as developer,
        periods.allocated_hours,
        periods.used_hours,
        periods.overage_hours,
        periods.remaining_hours,
        periods.used_share,
        contracts.notification_email
    from alerts
    inner join periods on alerts.contract_period_id = periods.id
    inner join contracts on periods.contract_id = contracts.id
    left join clients on contracts.client_id = clients.id
    left join developers on alerts.developer_id = developers.id
)

select * from final
