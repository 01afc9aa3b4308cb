with

source_rows as (
    select * from {{ source('reference', 'dunning_levels') }}
),

final as (
    select
        level,
        days_past_due,
        title,
        coalesce(minimum_amount, 0) as minimum_amount,
        row_number,
        row_key
    from source_rows
)

select * from final
