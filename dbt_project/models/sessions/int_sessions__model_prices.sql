{{ config(indexes=[{'columns': ['model']}]) }}
{#
    The models that the last run saw are in this table itself, including unpriced ones: a scan of all answers for an occasional new name
    would cost more than the rest of a small run.
-#}
{%- set processed_inputs = inputs_of_last_run() %}

with

messages as (
    select * from {{ ref('stg_claude_code__messages') }}
),

reference_prices as (
    select * from {{ ref('stg_reference__model_prices') }}
),

catalog_prices as (
    select * from {{ ref('stg_claude_code__catalog_prices') }}
),

models_seen as (
    select distinct model
    from messages
    where
        model is not null
        and not is_synthetic
    {%- if processed_inputs %}
        and loaded_at >= (select coalesce(max(last_run.loaded_at), '-infinity') from {{ processed_inputs }} as last_run)
    union
    select model from {{ this }}
    {%- endif %}
),

named as (
    select
        model,
        {{ plain_model_name('model') }} as plain_name
    from models_seen
),

models as (
    select
        model,
        plain_name,
        {{ undated_model_name('plain_name') }} as undated_name,
        {{ is_regional_model('model') }} as is_regional
    from named
),

-- A price is found under the name as written, else under the plain name, else under the plain name without its date.
price_rows as (
    select
        models.model,
        'reference' as price_source,
        1 as source_rank,
        case lower(reference_prices.model) when lower(models.model) then 1 when models.plain_name then 2 else 3 end as name_rank,
        coalesce(reference_prices.valid_from::timestamp at time zone 'UTC', '-infinity'::timestamptz) as valid_from,
        coalesce(reference_prices.above_prompt_tokens, 0) as above_prompt_tokens,
        reference_prices.input,
        reference_prices.output,
        reference_prices.cache_write_5m,
        reference_prices.cache_write_1h,
        reference_prices.cache_read
    from models
    inner join reference_prices on lower(reference_prices.model) in (lower(models.model), models.plain_name, models.undated_name)
    union all
    select
        models.model,
        'catalog' as price_source,
        2 as source_rank,
        case lower(catalog_prices.model) when lower(models.model) then 1 when models.plain_name then 2 else 3 end as name_rank,
        -- The first price of the catalogue is valid from the beginning of time.
        case when catalog_prices.valid_from <= '1970-01-01 00:00+00' then '-infinity'::timestamptz else catalog_prices.valid_from end as valid_from,
        catalog_prices.above_prompt_tokens,
        catalog_prices.input,
        catalog_prices.output,
        catalog_prices.cache_write_5m,
        catalog_prices.cache_write_1h,
        catalog_prices.cache_read
    from models
    inner join catalog_prices on lower(catalog_prices.model) in (lower(models.model), models.plain_name, models.undated_name)
),

dates as (
    select
        model,
        valid_from,
        lead(valid_from, 1, 'infinity'::timestamptz) over (partition by model order by valid_from) as valid_until
    from price_rows
    group by model, valid_from
),

sizes as (
    select
        model,
        above_prompt_tokens,
        lead(above_prompt_tokens) over (partition by model order by above_prompt_tokens) as up_to_prompt_tokens
    from price_rows
    group by model, above_prompt_tokens
),

-- The price of each list for each range of time and prompt size: its latest date, and for that date the largest size.
candidates as (
    select distinct on (dates.model, dates.valid_from, sizes.above_prompt_tokens, price_rows.source_rank, price_rows.name_rank)
        dates.model,
        dates.valid_from,
        dates.valid_until,
        sizes.above_prompt_tokens,
        sizes.up_to_prompt_tokens,
        price_rows.price_source,
        price_rows.source_rank,
        price_rows.name_rank,
        price_rows.above_prompt_tokens as row_size,
        price_rows.input,
        price_rows.output,
        price_rows.cache_write_5m,
        price_rows.cache_write_1h,
        price_rows.cache_read
    from dates
    inner join sizes on dates.model = sizes.model
    inner join price_rows
        on
            dates.model = price_rows.model
            and dates.valid_from >= price_rows.valid_from
            and sizes.above_prompt_tokens >= price_rows.above_prompt_tokens
    order by
        dates.model asc, dates.valid_from asc, sizes.above_prompt_tokens asc, price_rows.source_rank asc, price_rows.name_rank asc,
        price_rows.valid_from desc, price_rows.above_prompt_tokens desc
),

-- A region's own price wins over its model's, a price for this size over one for any size, the business's row over the catalogue's.
in_force as (
    select distinct on (candidates.model, candidates.valid_from, candidates.above_prompt_tokens)
        candidates.*,
        models.is_regional and candidates.name_rank > 1 as is_without_region
    from candidates
    inner join models on candidates.model = models.model
    order by
        candidates.model asc, candidates.valid_from asc, candidates.above_prompt_tokens asc,
        models.is_regional and candidates.name_rank > 1 asc, candidates.row_size desc, candidates.source_rank asc, candidates.name_rank asc
),

final as (
    select
        models.model,
        models.undated_name,
        coalesce(in_force.valid_from, '-infinity') as valid_from,
        coalesce(in_force.valid_until, 'infinity') as valid_until,
        coalesce(in_force.above_prompt_tokens, 0) as above_prompt_tokens,
        in_force.up_to_prompt_tokens,
        in_force.price_source,
        in_force.input,
        in_force.output,
        -- If a list has no cache price: Anthropic's ratios for its own models, the input price for others.
        coalesce(in_force.cache_write_5m, in_force.input * case when models.plain_name like 'claude%' then 1.25 else 1 end) as cache_write_5m,
        coalesce(in_force.cache_write_1h, in_force.input * case when models.plain_name like 'claude%' then 2 else 1 end) as cache_write_1h,
        coalesce(in_force.cache_read, in_force.input * case when models.plain_name like 'claude%' then 0.1 else 1 end) as cache_read,
        coalesce(in_force.is_without_region, false) as is_without_region
    from models
    left join in_force on models.model = in_force.model
)

select * from final
