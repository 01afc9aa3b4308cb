{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['session_id', 'timestamp']},
        {'columns': ['timestamp']},
        {'columns': ['prompt_key'], 'unique': true},
    ],
    pre_hook="{{ allow_large_sorts() }}",
    post_hook="{{ register_contested_identifiers('PRM', 'prompt_key') }}",
) }}

with

lines as (
    select * from {{ ref('stg_claude_code__prompts') }}
    where {{ of_changed_sessions() }}
),

project_keys as (
    select * from {{ ref('int_identity__project_keys') }}
),

kept as (
    select
        lines.*,
        coalesce(lines.prompt_id, lines.uuid, {{ place_key('lines') }}) as prompt_key
    from lines
    where not {{ is_copied('lines') }}
),

-- One prompt per promptId: its first line is used, and images on any of its lines count.
prompts as (
    select distinct on (prompt_key)
        prompt_key,
        session_id,
        prompted_at,
        kind,
        prompt_text,
        bool_or(has_image) over (partition by prompt_key) as has_image,
        ticket_keys
    from kept
    order by prompt_key, prompted_at, is_forked, session_id collate "C", line_offset, record_index, file_id
),

tickets as (
    select
        prompts.prompt_key,
        string_agg(mentions.ticket_key, ', ' order by mentions.place) as ticket_keys
    from prompts
    cross join lateral jsonb_array_elements_text(prompts.ticket_keys) with ordinality as mentions (ticket_key, place)
    inner join project_keys on regexp_replace(mentions.ticket_key, '-[0-9]+$', '') = project_keys.project_key
    where prompts.ticket_keys <> '[]'
    group by prompts.prompt_key
),

rows_to_name as (
    select
        prompts.prompt_key,
        prompts.session_id,
        prompts.prompted_at as timestamp,
        prompts.kind,
        prompts.prompt_text,
        prompts.has_image,
        tickets.ticket_keys
    from prompts
    left join tickets on prompts.prompt_key = tickets.prompt_key
),

{{ with_identifiers('rows_to_name', 'PRM', 'prompt_key', 'timestamp') }},

final as (
    select
        id,
        session_id,
        timestamp,
        prompt_text,
        has_image,
        ticket_keys,
        kind,
        prompt_key
    from identified
)

select * from final
