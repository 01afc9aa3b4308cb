with

source_rows as (
    select * from {{ source('reference', 'holidays') }}
),

final as (
    select
        trim(calendar) as calendar,
        date as holiday_date,
        name,
        row_number,
        row_key
    from source_rows
)

select * from final
