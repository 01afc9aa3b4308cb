with

source_rows as (
    select * from {{ source('reference', 'price_multipliers') }}
),

final as (
    select
        lower(trim(model)) as model,
        trim(term) as term,
        lower(trim(value)) as value,
        valid_from,
        valid_to,
        multiplier,
        row_number,
        row_key
    from source_rows
)

select * from final
