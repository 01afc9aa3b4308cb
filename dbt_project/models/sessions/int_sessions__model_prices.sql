{{ config(indexes=[{'columns': ['model']}]) }}
{#
    The models that the last run knew stand in this table itself, unpriced ones too: a scan of all answers for a new name now and then
    would cost more than all the rest of a small run.
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
        -- Family and release, as {4,6}, of the names that bear them in this order.
        (regexp_match(plain_name, '^claude-[a-z]+-([0-9]+)(?:-([0-9]{1,2}))?(?:-|$)'))::integer[] as release
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
        -- The catalogue's beginning is the beginning of time.
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

-- For each stretch of time and prompt size the one row that holds: reference first, then the closest name, the latest date, the highest size.
in_force as (
    select distinct on (dates.model, dates.valid_from, sizes.above_prompt_tokens)
        dates.model,
        dates.valid_from,
        dates.valid_until,
        sizes.above_prompt_tokens,
        sizes.up_to_prompt_tokens,
        price_rows.price_source,
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
        dates.model asc, dates.valid_from asc, sizes.above_prompt_tokens asc,
        price_rows.source_rank asc, price_rows.name_rank asc, price_rows.valid_from desc, price_rows.above_prompt_tokens desc
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
        -- Where a list has no price for the cache: Anthropic's ratios for its own models, plain input for others.
        coalesce(in_force.cache_write_5m, in_force.input * case when models.plain_name like 'claude%' then 1.25 else 1 end) as cache_write_5m,
        coalesce(in_force.cache_write_1h, in_force.input * case when models.plain_name like 'claude%' then 2 else 1 end) as cache_write_1h,
        coalesce(in_force.cache_read, in_force.input * case when models.plain_name like 'claude%' then 0.1 else 1 end) as cache_read,
        -- Fast mode is listed for these alone.
        case when models.undated_name in ('claude-opus-4-8', 'claude-opus-5', 'claude-opus-5-5') then 2 else 1 end as fast_multiplier,
        -- Inference kept in the United States costs more from the 4.6 releases on.
        case
            when (models.release[1], coalesce(models.release[2], 0)) >= (4, 6) then 1.1
            when models.undated_name = 'claude-mythos-preview' then 1.1
            else 1
        end as us_multiplier
    from models
    left join in_force on models.model = in_force.model
)

select * from final
