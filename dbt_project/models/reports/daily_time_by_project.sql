with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted
),

projects as (
    select * from {{ ref('projects') }}
),

clients as (
    select * from {{ ref('clients') }}
),

contracts as (
    select * from {{ ref('contracts') }}
),

developers as (
    select * from {{ ref('developers') }}
),

final as (
    select
        entries.local_date,
        entries.project_id,
        projects.name as project,
        entries.client_id,
        clients.name as client,
        entries.contract_id,
        contracts.contract_number,
        entries.developer_id,
        developers.name as developer,
        count(*) as entries,
        sum(entries.allocated_seconds)::bigint as counted_seconds,
        coalesce(sum(entries.allocated_seconds) filter (where entries.billable), 0)::bigint as billable_seconds,
        (sum(entries.allocated_seconds) / 3600.0)::numeric(14, 6) as hours,
        (coalesce(sum(entries.allocated_seconds) filter (where entries.billable), 0) / 3600.0)::numeric(14, 6) as billable_hours
    from entries
    left join projects on entries.project_id = projects.id
    left join clients on entries.client_id = clients.id
    left join contracts on entries.contract_id = contracts.id
    left join developers on entries.developer_id = developers.id
    group by
        entries.local_date,
        entries.project_id,
        projects.name,
        entries.client_id,
        clients.name,
        entries.contract_id,
        contracts.contract_number,
        entries.developer_id,
        developers.name
)

select * from final
