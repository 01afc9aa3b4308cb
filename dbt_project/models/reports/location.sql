with

daily_time as (
    select * from {{ ref('int_reports__daily_time') }}
),

developers as (
    select * from {{ ref('developers') }}
),

clients as (
    select * from {{ ref('clients') }}
),

projects as (
    select * from {{ ref('projects') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

final as (
    select
        daily_time.work_location,
        daily_time.client_id,
        clients.name as client,
        daily_time.contract_id,
        contracts.contract_number,
        daily_time.developer_id,
        developers.name as developer,
        daily_time.project_id,
        projects.name as project,
        daily_time.source,
        daily_time.service_type,
        daily_time.local_date,
        daily_time.entries,
        daily_time.counted_seconds,
        daily_time.billable_seconds,
        (daily_time.counted_seconds / 3600.0)::numeric(14, 6) as hours,
        (daily_time.billable_seconds / 3600.0)::numeric(14, 6) as billable_hours
    from daily_time
    left join developers on daily_time.developer_id = developers.id
    left join clients on daily_time.client_id = clients.id
    left join projects on daily_time.project_id = projects.id
    left join contracts on daily_time.contract_id = contracts.id
)

select * from final
