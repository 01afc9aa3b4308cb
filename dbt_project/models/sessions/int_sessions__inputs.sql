{{ config(indexes=[{'columns': ['kind', 'key'], 'unique': true}]) }}

with

files as (
    select * from {{ ref('stg_claude_code__files') }}
),

model_prices as (
    select * from {{ ref('int_sessions__model_prices') }}
),

price_multipliers as (
    select * from {{ ref('int_sessions__price_multipliers') }}
),

file_owners as (
    select * from {{ ref('int_sessions__file_owners') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

path_globs as (
    select * from {{ ref('int_identity__path_globs') }}
),

project_keys as (
    select * from {{ ref('int_identity__project_keys') }}
),

final as (
    select
        'file' as kind,
        file_id as key,
        generation || ':' || read_offset as fingerprint,
        loaded_at
    from files
    union all
    select
        'model' as kind,
        model as key,
        md5(string_agg(facts.fact, '|' order by facts.fact collate "C")) as fingerprint,
        null as loaded_at
    from (
        select
            model,
            model_prices::text as fact
        from model_prices
        union all
        select
            model,
            price_multipliers::text as fact
        from price_multipliers
    ) as facts
    group by model
    union all
    select
        'owner' as kind,
        file_id as key,
        md5(concat_ws(chr(31), coalesce(root_path, ''), coalesce(host, ''), coalesce(developer_id, ''), timezone)) as fingerprint,
        null as loaded_at
    from file_owners
    union all
    select
        'rule' as kind,
        'path_globs' as key,
        md5(string_agg(path_globs::text, '|' order by path_globs::text collate "C")) as fingerprint,
        null as loaded_at
    from path_globs
    union all
    select
        'rule' as kind,
        'project_keys' as key,
        md5(string_agg(project_key, '|' order by project_key collate "C")) as fingerprint,
        null as loaded_at
    from project_keys
    union all
    select
        'rule' as kind,
        'timezone' as key,
        timezone as fingerprint,
        null as loaded_at
    from agency
    union all
    select
        'rule' as kind,
        'idle_timeout_seconds' as key,
        '{{ var("idle_timeout_seconds") }}' as fingerprint,
        null as loaded_at
)

select * from final
