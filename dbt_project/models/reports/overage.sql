with

worked as (
    select * from {{ ref('int_reports__overage') }}
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
        contracts.service_category,
        worked.contract_period_id,
        periods.period_start,
        periods.period_end,
        worked.developer_id,
        developers.name as developer,
        worked.local_date,
        worked.overage_seconds,
        (worked.overage_seconds / 3600.0)::numeric(14, 6) as overage_hours,
        periods.overage_rate,
        worked.overage_amount,
        periods.allocated_hours as period_allocated_hours,
        periods.used_hours as period_used_hours,
        periods.overage_hours as period_overage_hours,
        periods.total_overage_amount as period_overage_amount,
        periods.is_billed
    from worked
    inner join periods on worked.contract_period_id = periods.id
    inner join contracts on periods.contract_id = contracts.id
    left join clients on contracts.client_id = clients.id
    left join developers on worked.developer_id = developers.id
)

select * from final
