-- Built last: the models below have processed everything that int_time__changed_dates saw.
-- depends_on: {{ ref('int_billing__routed_entries') }}
-- depends_on: {{ ref('int_reports__daily_time') }}
-- depends_on: {{ ref('int_time__decided_entries') }}
-- depends_on: {{ ref('int_time__logged_elsewhere') }}
-- depends_on: {{ ref('int_time__worklogs') }}
-- depends_on: {{ ref('time_entries') }}
with

changed_dates as (
    select * from {{ ref('int_time__changed_dates') }}
),

final as (
    select
        local_date,
        fingerprint
    from changed_dates
)

select * from final
