{{ config(materialized='table') }}

with

contracts as (
    select * from {{ ref('contracts') }}
),

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

final as (
    select
        contracts.id,
        contracts.client_id,
        contracts.contract_number,
        contracts.name,
        contracts.service_category,
        contracts.type,
        contracts.status,
        contracts.start_date,
        contracts.end_date,
        contracts.auto_renew,
        contracts.monthly_hours,
        contracts.overage_rate,
        contracts.standard_rate,
        contracts.billing_cycle,
        contracts.notification_email,
        contracts.send_monthly_report,
        agency.as_of_date
    from contracts
    cross join agency
    where
        contracts.status = 'active'
        and not contracts.is_deleted
        and contracts.start_date <= agency.as_of_date
        and (contracts.auto_renew or contracts.end_date is null or contracts.end_date >= agency.as_of_date)
)

select * from final
