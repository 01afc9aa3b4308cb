with

developer_hours as (
    select * from {{ ref('int_money__developer_hours') }}
),

developers as (
    select * from {{ ref('developers') }}
),

final as (
    select
        developer_hours.developer_id,
        developers.name as developer_name,
        developer_hours.month,
        developer_hours.available_seconds,
        developer_hours.counted_seconds,
        developer_hours.client_seconds,
        developer_hours.billable_seconds,
        round(developer_hours.billable_seconds::numeric / nullif(developer_hours.available_seconds, 0), 4)::numeric(14, 4) as utilization
    from developer_hours
    inner join developers on developer_hours.developer_id = developers.id
)

{{ with_hours(['available_seconds', 'counted_seconds', 'client_seconds', 'billable_seconds']) }}
