with

periods as (
    select * from {{ ref('contract_periods') }}
    where not is_deleted
),

contracts as (
    select * from {{ ref('contracts') }}
    where not is_deleted and send_monthly_report and notification_email is not null
),

clients as (
    select * from {{ ref('clients') }}
),

reports as (
    select * from {{ source('invoicing', 'contract_reports') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

-- The last one that has ended; those before it are history, of which nobody wants a report.
last_periods as (
    select distinct on (periods.contract_id) periods.*
    from periods
    cross join agency
    where periods.period_end < agency.as_of_date
    order by periods.contract_id asc, periods.period_end desc
),

final as (
    select
        last_periods.client_id,
        clients.name as client,
        contracts.id as contract_id,
        contracts.contract_number,
        contracts.name as contract,
        last_periods.id as contract_period_id,
        last_periods.period_start,
        last_periods.period_end,
        last_periods.period_end + 1 as due_on,
        contracts.notification_email,
        last_periods.used_hours::numeric(14, 6) as used_hours,
        last_periods.overage_hours::numeric(14, 6) as overage_hours,
        reports.state
    from last_periods
    inner join contracts on last_periods.contract_id = contracts.id
    left join clients on last_periods.client_id = clients.id
    left join reports on last_periods.id = reports.contract_period_id
    where coalesce(reports.state, 'failed') in ('queued', 'failed')
)

select * from final
