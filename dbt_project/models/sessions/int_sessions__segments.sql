{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    indexes=[{'columns': ['session_id']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}
{%- set idle_timeout_ms = var('idle_timeout_seconds') * 1000 %}

with

events as (
    select * from {{ ref('stg_claude_code__events') }}
    where {{ of_changed_sessions() }}
),

contexts as (
    select * from {{ ref('int_sessions__contexts') }}
    where {{ of_changed_sessions() }}
),

-- Sessions and directories are numbered: numbers sort faster, and "the last known" is a running maximum.
sessions as (
    select
        session_id,
        row_number() over (order by session_id collate "C")::integer as session
    from contexts
    group by session_id
),

directories as (
    select
        cwd,
        row_number() over (order by cwd collate "C") as directory
    from contexts
    where cwd is not null
    group by cwd
),

kept as (
    select
        sessions.session,
        events.occurred_ms,
        directories.directory,
        events.line_offset,
        case events.kind
            when 'prompt' then 1
            when 'answer' then 2
            when 'tool_result' then 2
            when 'progress' then 2
            else 3
        end as rank
    from events
    inner join sessions on events.session_id = sessions.session_id
    left join directories on events.cwd = directories.cwd
    where not {{ is_copied('events') }}
),

-- Simultaneous lines are one event: the first ends the gap, the others end gaps of no length.
gaps as (
    select
        session,
        occurred_ms as end_ms,
        rank,
        lag(occurred_ms) over in_time as start_ms,
        -- Time in the high bits, directory in the low ones: the greatest is the latest known.
        (max((occurred_ms << 21) | directory) over (in_time rows unbounded preceding)) & ((1 << 21) - 1) as directory
    from kept
    window in_time as (partition by session order by occurred_ms, rank, directory nulls last, line_offset)
),

active_gaps as (
    select
        session,
        start_ms,
        end_ms,
        rank,
        directory,
        case
            when
                lag(end_ms) over in_time = start_ms
                and coalesce(lag(directory) over in_time, 0) = coalesce(directory, 0)
                then 0
            else 1
        end as is_break
    from gaps
    where end_ms > start_ms and end_ms - start_ms <= {{ idle_timeout_ms }}
    window in_time as (partition by session order by end_ms)
),

runs as (
    select
        session,
        start_ms,
        end_ms,
        rank,
        directory,
        start_ms / {{ slot_milliseconds() }} as first_slot,
        (end_ms - 1) / {{ slot_milliseconds() }} as last_slot,
        sum(is_break) over (partition by session order by end_ms rows unbounded preceding) as run
    from active_gaps
),

pieces as (
    select
        session,
        run,
        directory,
        rank,
        first_slot as slot,
        start_ms,
        end_ms
    from runs
    where first_slot = last_slot
    union all
    select
        runs.session,
        runs.run,
        runs.directory,
        runs.rank,
        slots.slot,
        greatest(runs.start_ms, slots.slot * {{ slot_milliseconds() }}) as start_ms,
        least(runs.end_ms, (slots.slot + 1) * {{ slot_milliseconds() }}) as end_ms
    from runs
    cross join lateral generate_series(runs.first_slot, runs.last_slot) as slots (slot)
    where runs.first_slot < runs.last_slot
),

segments as (
    select
        session,
        run,
        slot,
        directory,
        min(start_ms) as start_ms,
        max(end_ms) as end_ms,
        sum(end_ms - start_ms)::bigint as active_ms,
        coalesce(sum(end_ms - start_ms) filter (where rank = 2), 0)::bigint as agent_ms,
        coalesce(sum(end_ms - start_ms) filter (where rank = 1), 0)::bigint as attended_ms
    from pieces
    group by session, run, slot, directory
),

final as (
    select
        sessions.session_id,
        segments.slot,
        directories.cwd,
        segments.start_ms,
        segments.end_ms,
        segments.active_ms,
        segments.agent_ms,
        segments.attended_ms
    from segments
    inner join sessions on segments.session = sessions.session
    left join directories on segments.directory = directories.directory
)

select * from final
