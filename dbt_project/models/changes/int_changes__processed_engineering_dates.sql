-- Built last: the models below have processed everything that int_engineering__changed_dates saw.
-- depends_on: {{ ref('daily_overlay') }}
-- depends_on: {{ ref('productivity_triangle') }}
with

changed_dates as (
    select * from {{ ref('int_engineering__changed_dates') }}
),

final as (
    select
        local_date,
        fingerprint
    from changed_dates
)

select * from final
