{#
    Every width that divides a day, as rows. Each session and width is computed by itself, so that `limit 100` computes a few of them, and
    `where width_minutes = 60` or `where session_id = …` no other.
    A segment is one unbroken stretch of at most a quarter of an hour, so cutting it at bucket edges is exact. It does not say when within it
    the agent worked or a person attended: agent and attended time are known only for whole quarters of an hour.
#}
with

widths as (
    select
        minutes::integer as width_minutes,
        minutes * 60000::bigint as width_ms
    from generate_series(1, 1440) as candidates (minutes)
    where 1440 % minutes = 0
),

sessions as (
    select
        id as session_id,
        session_start,
        duration_seconds,
        agent_seconds,
        attended_seconds
    from {{ ref('claude_sessions') }}
),

segments as (
    select * from {{ ref('int_sessions__segments') }}
),

session_messages as (
    select * from {{ ref('session_messages') }}
),

session_prompts as (
    select * from {{ ref('session_prompts') }}
),

final as (
    select
        widths.width_minutes,
        sessions.session_id,
        buckets.*
    from widths
    cross join sessions
    cross join lateral (
        with

        time_in_buckets as (
            select
                edges.bucket,
                sum(
                    least(segments.end_ms, (edges.bucket + 1) * widths.width_ms) - greatest(segments.start_ms, edges.bucket * widths.width_ms)
                ) as active_ms,
                sum(segments.agent_ms) as agent_ms,
                sum(segments.attended_ms) as attended_ms
            from segments
            cross join
                lateral generate_series(
                    segments.start_ms / widths.width_ms, (segments.end_ms - 1) / widths.width_ms
                ) as edges (bucket)
            where segments.session_id = sessions.session_id
            group by edges.bucket
        ),

        parts as (
            select
                time_in_buckets.bucket,
                0 as input_tokens,
                0 as output_tokens,
                0 as cache_read_tokens,
                0 as cache_creation_tokens,
                0 as api_requests,
                null::numeric as cost_usd,
                0 as user_prompts,
            {% for seconds, share in [('duration', 'active'), ('agent', 'agent'), ('attended', 'attended')] -%}
                {{ dealt(
                    'sessions.' ~ seconds ~ '_seconds', 'time_in_buckets.' ~ share ~ '_ms', 1000,
                    'sessions.session_id', 'time_in_buckets.bucket'
                ) }} as {{ share }}_seconds{{ ',' if not loop.last }}
            {% endfor %}
            from time_in_buckets
            union all
            select
                {{ epoch_milliseconds('coalesce(session_messages.answered_at, sessions.session_start)') }} / widths.width_ms as bucket,
                session_messages.input_tokens,
                session_messages.output_tokens,
                session_messages.cache_read_tokens,
                session_messages.cache_creation_5m_tokens + session_messages.cache_creation_1h_tokens as cache_creation_tokens,
                1 as api_requests,
                session_messages.cost_usd,
                0 as user_prompts,
                0 as active_seconds,
                0 as agent_seconds,
                0 as attended_seconds
            from session_messages
            where
                session_messages.session_id = sessions.session_id
                and coalesce(session_messages.answered_at, sessions.session_start) is not null
            union all
            select
                {{ epoch_milliseconds('coalesce(session_prompts.timestamp, sessions.session_start)') }} / widths.width_ms as bucket,
                0 as input_tokens,
                0 as output_tokens,
                0 as cache_read_tokens,
                0 as cache_creation_tokens,
                0 as api_requests,
                null as cost_usd,
                1 as user_prompts,
                0 as active_seconds,
                0 as agent_seconds,
                0 as attended_seconds
            from session_prompts
            where
                session_prompts.session_id = sessions.session_id
                and coalesce(session_prompts.timestamp, sessions.session_start) is not null
        )

        select
            {{ instant_of_milliseconds('parts.bucket * widths.width_ms') }} as bucket_start,
            {{ instant_of_milliseconds('(parts.bucket + 1) * widths.width_ms') }} as bucket_end,
            sum(parts.input_tokens)::bigint as input_tokens,
            sum(parts.output_tokens)::bigint as output_tokens,
            sum(parts.cache_read_tokens)::bigint as cache_read_tokens,
            sum(parts.cache_creation_tokens)::bigint as cache_creation_tokens,
            sum(parts.api_requests)::bigint as api_requests,
            case when sum(parts.api_requests) = 0 then 0 else sum(parts.cost_usd) end::numeric(20, 10) as cost_usd,
            sum(parts.user_prompts)::bigint as user_prompts,
            sum(parts.active_seconds)::bigint as active_seconds,
            case when widths.width_minutes % 15 = 0 then sum(parts.agent_seconds)::bigint end as agent_seconds,
            case when widths.width_minutes % 15 = 0 then sum(parts.attended_seconds)::bigint end as attended_seconds
        from parts
        group by parts.bucket
    ) as buckets
)

{{ with_hours(['active_seconds', 'agent_seconds', 'attended_seconds']) }}
