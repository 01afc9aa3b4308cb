with

available_days as (
    select * from {{ ref('int_money__available_days') }}
),

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null
),

available as (
    select
        developer_id,
        {{ month_of('local_date') }} as month,
        sum(available_seconds)::bigint as available_seconds
    from available_days
    group by developer_id, {{ month_of('local_date') }}
),

worked as (
    select
        developer_id,
        {{ month_of('local_date') }} as month,
        sum(allocated_seconds)::bigint as counted_seconds,
        coalesce(sum(allocated_seconds) filter (where client_id is not null), 0)::bigint as client_seconds,
        coalesce(sum(allocated_seconds) filter (where billable), 0)::bigint as billable_seconds
    from entries
    group by developer_id, {{ month_of('local_date') }}
),

final as (
    select
        coalesce(available.developer_id, worked.developer_id) as developer_id,
        coalesce(available.month, worked.month) as month,
        coalesce(available.available_seconds, 0) as available_seconds,
        coalesce(worked.counted_seconds, 0) as counted_seconds,
        coalesce(worked.client_seconds, 0) as client_seconds,
        coalesce(worked.billable_seconds, 0) as billable_seconds
    from available
    full outer join worked on available.developer_id = worked.developer_id and available.month = worked.month
)

select * from final
