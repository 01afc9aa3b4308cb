with

catalog_prices as (
    select * from {{ source('claude_code', 'catalog_prices') }}
),

final as (
    select
        model::text as model,
        valid_from,
        above_prompt_tokens,
        input,
        output,
        cache_write_5m,
        cache_write_1h,
        cache_read,
        package_version::text as package_version
    from catalog_prices
)

select * from final
