{{ config(materialized='view') }}

with

rate_rules as (
    select * from {{ ref('stg_reference__rate_rules') }}
    where not is_deleted
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

-- A client's row wins over a general row, and a general row over the default (rule 4.15).
final as (
    select
        client_names.client_id,
        rate_rules.rate_tier,
        rate_rules.multiplier,
        case when rate_rules.client is null then 2 else 1 end as preference,
        coalesce(rate_rules.valid_from, '-infinity'::date) as valid_from,
        coalesce(rate_rules.valid_to, 'infinity'::date) as valid_to
    from rate_rules
    left join client_names on {{ natural_key('rate_rules.client') }} = client_names.name
    -- A row for an unknown client must not apply to every client.
    where rate_rules.client is null or client_names.client_id is not null
    union all
    select
        null as client_id,
        tiers.rate_tier,
        tiers.multiplier,
        3 as preference,
        '-infinity'::date as valid_from,
        'infinity'::date as valid_to
    from (
        values
        ('p1_p3_off_hours', 1.5),
        ('p1_p3', 1),
        ('off_hours', 1),
        ('standard', 1)
    ) as tiers (rate_tier, multiplier)
)

select * from final
