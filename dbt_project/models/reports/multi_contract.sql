with

contracts as (
    select
        *,
        count(*) over (partition by client_id) as active_contracts
    from {{ ref('int_reports__active_contracts') }}
    where client_id is not null
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
        contracts.active_contracts,
        contracts.id as contract_id,
        contracts.contract_number,
        contracts.name as contract,
        contracts.service_category,
        contracts.type,
        contracts.start_date,
        contracts.end_date,
        case when contracts.type = 'monthly_retainer' then extract(day from contracts.start_date)::int end as anniversary_day,
        contracts.monthly_hours,
        contracts.standard_rate,
        contracts.overage_rate,
        contracts.notification_email,
        periods.id as contract_period_id,
        periods.period_start,
        periods.period_end,
        periods.used_hours,
        periods.overage_hours,
        periods.remaining_hours,
        periods.used_share
    from contracts
    left join periods
        on
            contracts.id = periods.contract_id
            and contracts.as_of_date between periods.period_start and periods.period_end
    left join clients on contracts.client_id = clients.id
    where contracts.active_contracts > 1
)

select * from final
