with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted
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
        entries.developer_id,
        developers.name as developer,
        entries.client_id,
        clients.name as client,
        entries.project_id,
        projects.name as project,
        entries.contract_id,
        contracts.contract_number,
        entries.source,
        entries.local_date,
        count(*) as entries,
        sum(entries.allocated_seconds)::bigint as counted_seconds,
        coalesce(sum(entries.allocated_seconds) filter (where entries.billable), 0)::bigint as billable_seconds,
        (sum(entries.allocated_seconds) / 3600.0)::numeric(14, 6) as hours,
        (coalesce(sum(entries.allocated_seconds) filter (where entries.billable), 0) / 3600.0)::numeric(14, 6) as billable_hours
    from entries
    left join developers on entries.developer_id = developers.id
    left join clients on entries.client_id = clients.id
    left join projects on entries.project_id = projects.id
    left join contracts on entries.contract_id = contracts.id
    group by
        entries.developer_id,
        developers.name,
        entries.client_id,
        clients.name,
        entries.project_id,
        projects.name,
        entries.contract_id,
        contracts.contract_number,
        entries.source,
        entries.local_date
)

select * from final
