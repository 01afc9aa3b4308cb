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

developers as (
    select * from {{ ref('developers') }}
),

final as (
    select
        contracts.service_category,
        entries.service_type,
        entries.client_id,
        clients.name as client,
        entries.contract_id,
        contracts.contract_number,
        entries.developer_id,
        developers.name as developer,
        entries.local_date,
        count(*) as entries,
        sum(entries.allocated_seconds)::bigint as counted_seconds,
        coalesce(sum(entries.allocated_seconds) filter (where entries.billable), 0)::bigint as billable_seconds,
        (sum(entries.allocated_seconds) / 3600.0)::numeric(14, 6) as hours,
        (coalesce(sum(entries.allocated_seconds) filter (where entries.billable), 0) / 3600.0)::numeric(14, 6) as billable_hours
    from entries
    left join contracts on entries.contract_id = contracts.id
    left join clients on entries.client_id = clients.id
    left join developers on entries.developer_id = developers.id
    group by
        contracts.service_category,
        entries.service_type,
        entries.client_id,
        clients.name,
        entries.contract_id,
        contracts.contract_number,
        entries.developer_id,
        developers.name,
        entries.local_date
)

select * from final
