{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['session_id', 'ticket_key'], 'unique': true},
        {'columns': ['ticket_key']},
        {'columns': ['first_mentioned_at']},
    ],
    post_hook="{{ register_contested_identifiers('TKT', \"session_id || '|' || ticket_key\") }}",
) }}

with

mentions as (
    select * from {{ ref('stg_claude_code__ticket_mentions') }}
    where {{ of_changed_sessions() }}
),

project_keys as (
    select * from {{ ref('int_identity__project_keys') }}
),

rows_to_name as (
    select
        mentions.session_id,
        mentions.ticket_key,
        min(mentions.mentioned_at) as first_mentioned_at
    from mentions
    -- What only looks like a ticket (UTF-8, SHA-256) belongs to no project.
    inner join project_keys on mentions.project_key = project_keys.project_key
    where not {{ is_copied('mentions') }}
    group by mentions.session_id, mentions.ticket_key
),

{{ with_identifiers('rows_to_name', 'TKT', "session_id || '|' || ticket_key", 'first_mentioned_at') }},

final as (
    select
        id,
        session_id,
        ticket_key,
        first_mentioned_at
    from identified
)

select * from final
