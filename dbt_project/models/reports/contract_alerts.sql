with

alerts as (
    select * from {{ ref('int_billing__contract_alerts') }}
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
