with

agency as (
    select
        *,
        {{ as_of('timezone') }} as as_of
    from {{ ref('int_identity__agency') }}
),

loads as (
    select * from {{ ref('int_staging__loads') }}
),

final as (
    select
        loads.source,
        loads.table_name,
        loads.last_changed_at,
        {{ seconds_between('loads.last_changed_at', 'agency.as_of') }} as age_seconds
    from loads
    cross join agency
)

{{ with_hours(['age_seconds']) }}
