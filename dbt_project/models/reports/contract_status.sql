with

contracts as (
    select * from {{ ref('int_reports__active_contracts') }}
),

periods as (
    select * from {{ ref('contract_periods') }}
    where not is_deleted
),

clients as (
    select * from {{ ref('clients') }}
),

final as (
    select
        contracts.client_id,
        clients.name as client,
        contracts.id as contract_id,
        contracts.contract_number,
        contracts.name as contract,
        contracts.service_category,
        contracts.type,
        contracts.status,
        contracts.start_date,
        contracts.end_date,
        contracts.auto_renew,
        contracts.billing_cycle,
        periods.id as contract_period_id,
        periods.period_start,
        periods.period_end,
        (periods.period_end - contracts.as_of_date) as days_left,
        periods.allocated_hours,
        periods.used_hours,
        periods.overage_hours,
        periods.remaining_hours,
        periods.used_share,
        contracts.standard_rate,
        contracts.overage_rate,
        periods.total_overage_amount
    from contracts
    left join periods
        on
            contracts.id = periods.contract_id
            and contracts.as_of_date between periods.period_start and periods.period_end
    left join clients on contracts.client_id = clients.id
)

select * from final
