with

source_rows as (
    select * from {{ source('reference', 'model_prices') }}
),

final as (
    select
        trim(model) as model,
        valid_from,
        input,
        output,
        cache_write_5m,
        cache_write_1h,
        cache_read,
        above_prompt_tokens,
        row_number,
        row_key
    from source_rows
)

select * from final
