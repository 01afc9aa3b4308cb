with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted
),

clients as (
    select * from {{ ref('clients') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

projects as (
    select * from {{ ref('projects') }}
),

developers as (
    select * from {{ ref('developers') }}
),

included as (
    select * from {{ ref('contract_allocations') }}
    where part = 'included'
),

overage as (
    select * from {{ ref('contract_allocations') }}
    where part = 'overage'
),

final as (
    select
        entries.client_id,
        clients.name as client,
        entries.contract_id,
        contracts.contract_number,
        contracts.service_category,
        coalesce(included.contract_period_id, overage.contract_period_id) as contract_period_id,
        entries.project_id,
        projects.name as project,
        entries.developer_id,
        developers.name as developer,
        entries.local_date,
        entries.start_time,
        entries.end_time,
        entries.id as time_entry_id,
        entries.source,
        entries.service_type,
        entries.work_location,
        entries.issue_key,
        entries.description,
        entries.billable,
        entries.status,
        entries.allocated_seconds as counted_seconds,
        {{ hours('entries.allocated_seconds') }} as hours,
        included.seconds as included_seconds,
        overage.seconds as overage_seconds
    from entries
    left join clients on entries.client_id = clients.id
    left join contracts on entries.contract_id = contracts.id
    left join projects on entries.project_id = projects.id
    left join developers on entries.developer_id = developers.id
    left join included on entries.id = included.time_entry_id
    left join overage on entries.id = overage.time_entry_id
)

{{ with_hours(['included_seconds', 'overage_seconds']) }}
