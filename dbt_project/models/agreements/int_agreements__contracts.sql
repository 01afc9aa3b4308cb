with

contracts as (
    select * from {{ ref('stg_reference__contracts') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
),

clients as (
    select * from {{ ref('int_identity__clients') }}
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

final as (
    select
        ids.id as contract_id,
        clients.client_id,
        contracts.client as client_name,
        coalesce(contracts.contract_number, numbers.id) as contract_number,
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
        contracts.description,
        contracts.notes,
        contracts.row_key,
        -- If a client is deleted, so are its contracts.
        contracts.is_deleted or coalesce(clients.is_deleted, false) as is_deleted,
        coalesce(contracts.deleted_at, clients.deleted_at) as deleted_at
    from contracts
    inner join identifiers as ids on ids.kind = 'CON' and contracts.row_key = ids.natural_key
    inner join identifiers as numbers on numbers.kind = 'contract_number' and contracts.row_key = numbers.natural_key
    left join client_names on {{ natural_key('contracts.client') }} = client_names.name
    left join clients on client_names.client_id = clients.client_id
)

select * from final
