{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    indexes=[{'columns': ['session_id']}, {'columns': ['file_id']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

events as (
    select * from {{ ref('stg_claude_code__events') }}
    where {{ of_changed_sessions() }}
),

messages as (
    select * from {{ ref('stg_claude_code__messages') }}
    where
        answered_at is null
        and {{ of_changed_sessions() }}
),

timed as (
    select
        events.session_id,
        events.file_id,
        events.cwd,
        events.git_branch,
        events.version,
        {{ is_copied('events') }} as is_copied,
        min(events.occurred_ms) as first_ms,
        max(events.occurred_ms) as last_ms,
        min(events.line_offset) as first_line_offset
    from events
    group by 1, 2, 3, 4, 5, 6
),

-- An answer without a timestamp is no event, but its session exists.
untimed as (
    select
        session_id,
        file_id,
        cwd,
        git_branch,
        version,
        false as is_copied,
        null::bigint as first_ms,
        null::bigint as last_ms,
        min(line_offset) as first_line_offset
    from messages
    group by 1, 2, 3, 4, 5, 6
),

final as (
    select * from timed
    union all
    select * from untimed
)

select * from final
