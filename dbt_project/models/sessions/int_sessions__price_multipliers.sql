{{ config(indexes=[{'columns': ['model']}]) }}

with

model_prices as (
    select * from {{ ref('int_sessions__model_prices') }}
),

price_multipliers as (
    select * from {{ ref('stg_reference__price_multipliers') }}
),

models as (
    select distinct
        model,
        undated_name
    from model_prices
),

matches as (
    select
        models.model,
        price_multipliers.term,
        price_multipliers.value,
        price_multipliers.multiplier,
        length(price_multipliers.model) as pattern_length,
        coalesce(price_multipliers.valid_from::timestamp at time zone 'UTC', '-infinity'::timestamptz) as valid_from,
        -- The day after the last day, so that ranges meet.
        coalesce((price_multipliers.valid_to + 1)::timestamp at time zone 'UTC', 'infinity'::timestamptz) as valid_until
    from models
    inner join price_multipliers
        on models.undated_name like replace(replace(replace(price_multipliers.model, '\', '\\'), '_', '\_'), '*', '%')
),

edges as (
    select
        model,
        term,
        value,
        valid_from as edge
    from matches
    union
    select
        model,
        term,
        value,
        valid_until as edge
    from matches
),

ranges as (
    select
        model,
        term,
        value,
        edge as valid_from,
        lead(edge) over (partition by model, term, value order by edge) as valid_until
    from edges
),

-- The longest pattern that matches is the closest to the model.
final as (
    select distinct on (ranges.model, ranges.term, ranges.value, ranges.valid_from)
        ranges.model,
        ranges.term,
        ranges.value,
        ranges.valid_from,
        ranges.valid_until,
        matches.multiplier
    from ranges
    inner join matches
        on
            ranges.model = matches.model
            and ranges.term = matches.term
            and ranges.value = matches.value
            and ranges.valid_from >= matches.valid_from
            and ranges.valid_from < matches.valid_until
    order by ranges.model asc, ranges.term asc, ranges.value asc, ranges.valid_from asc, matches.pattern_length desc
)

select * from final
