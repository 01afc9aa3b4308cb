with

source_rows as (
    select * from {{ source('reference', 'business_calendars') }}
),

final as (
    select
        trim(calendar) as calendar,
        timezone,
        weekday,
        opens::time as opens,
        closes::time as closes,
        row_number,
        row_key
    from source_rows
)

select * from final
