with

source_rows as (
    select * from {{ source('reference', 'fx_rates') }}
),

final as (
    select
        date as rate_date,
        upper(from_currency) as from_currency,
        upper(to_currency) as to_currency,
        rate,
        row_number,
        row_key
    from source_rows
)

select * from final
