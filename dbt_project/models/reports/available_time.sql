with

available_days as (
    select * from {{ ref('int_money__available_days') }}
),

developers as (
    select * from {{ ref('developers') }}
),

final as (
    select
        available_days.developer_id,
        developers.name as developer,
        available_days.local_date,
        available_days.available_seconds
    from available_days
    inner join developers on available_days.developer_id = developers.id
)

{{ with_hours(['available_seconds']) }}
