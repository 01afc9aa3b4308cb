{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[{'columns': ['session_id']}, {'columns': ['developer_id', 'local_date']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

sessions as (
    select
        session_id,
        developer_id,
        timezone,
        {{ instant_of_milliseconds('first_ms') }} as session_start
    from {{ ref('int_sessions__sessions') }}
    where {{ of_changed_sessions() }}
),

segments as (
    select * from {{ ref('int_sessions__segments') }}
    where {{ of_changed_sessions() }}
),

session_messages as (
    select * from {{ ref('session_messages') }}
    where {{ of_changed_sessions() }}
),

session_prompts as (
    select * from {{ ref('session_prompts') }}
    where {{ of_changed_sessions() }}
),

prompt_lines as (
    select * from {{ ref('stg_claude_code__prompts') }}
    where {{ of_changed_sessions() }}
),

session_activity as (
    select * from {{ ref('session_activity') }}
    where {{ of_changed_sessions() }}
),

directories as (
    select * from {{ ref('int_sessions__directories') }}
),

-- The directory of a prompt: that of its first line, in the session where it counts.
prompt_directories as (
    select distinct on (session_id, prompt_key)
        session_id,
        prompt_key,
        cwd
    from (
        select
            prompt_lines.session_id,
            coalesce(prompt_lines.prompt_id, prompt_lines.uuid, {{ place_key('prompt_lines') }}) as prompt_key,
            prompt_lines.prompted_at,
            prompt_lines.file_id,
            prompt_lines.line_offset,
            prompt_lines.record_index,
            prompt_lines.cwd
        from prompt_lines
    ) as keyed
    where cwd is not null
    order by session_id, prompt_key, prompted_at, file_id, line_offset, record_index
),

-- Time, answers and prompts, each with the instant and directory that decide their client and date.
dated_time as (
    select
        segments.session_id,
        {{ local_date(instant_of_milliseconds('segments.slot * ' ~ slot_milliseconds()), 'sessions.timezone') }} as local_date,
        segments.slot / 2 as bucket,
        segments.cwd,
        sum(segments.active_ms) as active_ms,
        sum(segments.agent_ms) as agent_ms,
        sum(segments.attended_ms) as attended_ms
    from segments
    inner join sessions on segments.session_id = sessions.session_id
    group by segments.session_id, local_date, bucket, segments.cwd
),

dated_prompts as (
    select
        session_prompts.session_id,
        {{ local_date('coalesce(session_prompts.timestamp, sessions.session_start)', 'sessions.timezone') }} as local_date,
        {{ bucket_number('coalesce(session_prompts.timestamp, sessions.session_start)') }} as bucket,
        prompt_directories.cwd
    from session_prompts
    inner join sessions on session_prompts.session_id = sessions.session_id
    left join prompt_directories on
        session_prompts.session_id = prompt_directories.session_id
        and session_prompts.prompt_key = prompt_directories.prompt_key
),

time_in_cells as (
    select
        dated_time.session_id,
        directories.client_id,
        dated_time.local_date,
        dated_time.bucket,
        sum(dated_time.active_ms) as active_ms,
        sum(dated_time.agent_ms) as agent_ms,
        sum(dated_time.attended_ms) as attended_ms
    from dated_time
    left join directories
        on
            dated_time.cwd = directories.cwd
            and dated_time.local_date >= directories.valid_from
            and dated_time.local_date < directories.valid_until
    group by dated_time.session_id, directories.client_id, dated_time.local_date, dated_time.bucket
),

-- The half hour's seconds are shared out over the clients and dates within it.
seconds_in_cells as (
    select
        time_in_cells.session_id,
        time_in_cells.client_id,
        time_in_cells.local_date,
        time_in_cells.bucket,
    {% for kind in ['active', 'agent', 'attended'] -%}
        {{ dealt(
            'session_activity.' ~ kind ~ '_seconds', 'time_in_cells.' ~ kind ~ '_ms', 1000,
            'time_in_cells.session_id, time_in_cells.bucket',
            'time_in_cells.client_id collate "C" nulls last, time_in_cells.local_date'
        ) }} as {{ kind }}_seconds{{ ',' if not loop.last }}
    {% endfor %}
    from time_in_cells
    inner join session_activity on
        time_in_cells.session_id = session_activity.session_id
        and {{ bucket_start('time_in_cells.bucket') }} = session_activity.bucket_start
),

prompts_in_cells as (
    select
        dated_prompts.session_id,
        directories.client_id,
        dated_prompts.local_date,
        dated_prompts.bucket,
        count(*) as user_prompts
    from dated_prompts
    left join directories
        on
            dated_prompts.cwd = directories.cwd
            and dated_prompts.local_date >= directories.valid_from
            and dated_prompts.local_date < directories.valid_until
    group by dated_prompts.session_id, directories.client_id, dated_prompts.local_date, dated_prompts.bucket
),

answers_in_cells as (
    select
        session_messages.session_id,
        session_messages.client_id,
        {{ local_date('coalesce(session_messages.answered_at, sessions.session_start)', 'sessions.timezone') }} as local_date,
        {{ bucket_number('coalesce(session_messages.answered_at, sessions.session_start)') }} as bucket,
        sum(session_messages.input_tokens)::bigint as input_tokens,
        sum(session_messages.output_tokens)::bigint as output_tokens,
        sum(session_messages.cache_read_tokens)::bigint as cache_read_tokens,
        sum(session_messages.cache_creation_5m_tokens + session_messages.cache_creation_1h_tokens)::bigint as cache_creation_tokens,
        count(*) as api_requests,
        sum(session_messages.cost_usd) as cost_usd
    from session_messages
    inner join sessions on session_messages.session_id = sessions.session_id
    group by session_messages.session_id, session_messages.client_id, local_date, bucket
),

parts as (
    select
        session_id,
        client_id,
        local_date,
        bucket,
        0 as input_tokens,
        0 as output_tokens,
        0 as cache_read_tokens,
        0 as cache_creation_tokens,
        0 as api_requests,
        null::numeric as cost_usd,
        0 as user_prompts,
        active_seconds,
        agent_seconds,
        attended_seconds
    from seconds_in_cells
    union all
    select
        session_id,
        client_id,
        local_date,
        bucket,
        0 as input_tokens,
        0 as output_tokens,
        0 as cache_read_tokens,
        0 as cache_creation_tokens,
        0 as api_requests,
        null as cost_usd,
        user_prompts,
        0 as active_seconds,
        0 as agent_seconds,
        0 as attended_seconds
    from prompts_in_cells
    union all
    select
        session_id,
        client_id,
        local_date,
        bucket,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_creation_tokens,
        api_requests,
        cost_usd,
        0 as user_prompts,
        0 as active_seconds,
        0 as agent_seconds,
        0 as attended_seconds
    from answers_in_cells
),

final as (
    select
        parts.session_id,
        sessions.developer_id,
        parts.client_id,
        parts.local_date,
        {{ bucket_start('parts.bucket') }} as bucket_start,
        sum(parts.input_tokens)::bigint as input_tokens,
        sum(parts.output_tokens)::bigint as output_tokens,
        sum(parts.cache_read_tokens)::bigint as cache_read_tokens,
        sum(parts.cache_creation_tokens)::bigint as cache_creation_tokens,
        sum(parts.api_requests)::bigint as api_requests,
        sum(parts.cost_usd) as cost_usd,
        sum(parts.user_prompts)::bigint as user_prompts,
        sum(parts.active_seconds)::bigint as active_seconds,
        sum(parts.agent_seconds)::bigint as agent_seconds,
        sum(parts.attended_seconds)::bigint as attended_seconds
    from parts
    inner join sessions on parts.session_id = sessions.session_id
    -- A session without any timestamp has no half hours.
    where parts.bucket is not null
    group by parts.session_id, sessions.developer_id, parts.client_id, parts.local_date, parts.bucket
)

select * from final
