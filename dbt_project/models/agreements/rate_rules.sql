{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['client_id']},
    {'columns': ['rate_tier', 'valid_from']},
    {'columns': ['valid_from']},
    {'columns': ['valid_to']},
]) }}

with

rate_rules as (
    select * from {{ ref('stg_reference__rate_rules') }}
),

identifiers as (
    select * from {{ ref('identifiers') }}
    where kind = 'RAT'
),

client_names as (
    select * from {{ ref('int_identity__client_names') }}
),

final as (
    select
        identifiers.id,
        client_names.client_id,
        rate_rules.rate_tier,
        rate_rules.multiplier,
        rate_rules.valid_from,
        rate_rules.valid_to,
        rate_rules.is_deleted,
        rate_rules.deleted_at
    from rate_rules
    inner join identifiers on rate_rules.row_key = identifiers.natural_key
    left join client_names on {{ natural_key('rate_rules.client') }} = client_names.name
    -- A row for an unknown client must not apply to every client.
    where rate_rules.client is null or client_names.client_id is not null
)

select * from final
