with

source_rows as (
    select * from {{ source('reference', 'fixed_lines') }}
),

final as (
    select
        trim(client) as client,
        description,
        amount,
        upper(currency) as currency,
        valid_from,
        valid_to,
        row_number,
        row_key
    from source_rows
)

select * from final
