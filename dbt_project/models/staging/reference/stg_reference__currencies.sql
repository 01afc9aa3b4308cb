with

source_rows as (
    select * from {{ source('reference', 'currencies') }}
),

final as (
    select
        code as currency,
        decimals,
        loaded_at
    from source_rows
)

select * from final
