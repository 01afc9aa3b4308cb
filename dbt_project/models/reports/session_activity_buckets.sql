{#
    Every width that divides a day, as rows: with `where width_minutes = 60` the planner never computes the others.
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
        developer_id,
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

time_in_buckets as (
    select
        widths.width_minutes,
        widths.width_ms,
        segments.session_id,
        buckets.bucket,
        sum(
            least(segments.end_ms, (buckets.bucket + 1) * widths.width_ms) - greatest(segments.start_ms, buckets.bucket * widths.width_ms)
        ) as active_ms,
        sum(segments.agent_ms) as agent_ms,
        sum(segments.attended_ms) as attended_ms
    from widths
    cross join segments
    cross join
        lateral generate_series(
            segments.start_ms / widths.width_ms, (segments.end_ms - 1) / widths.width_ms
        ) as buckets (bucket)
    group by widths.width_minutes, widths.width_ms, segments.session_id, buckets.bucket
),

seconds_in_buckets as (
    select
        time_in_buckets.width_minutes,
        time_in_buckets.width_ms,
        time_in_buckets.session_id,
        time_in_buckets.bucket,
    {% for seconds, share in [('duration', 'active'), ('agent', 'agent'), ('attended', 'attended')] -%}
        {{ dealt(
            'sessions.' ~ seconds ~ '_seconds', 'time_in_buckets.' ~ share ~ '_ms', 1000,
            'time_in_buckets.width_minutes, time_in_buckets.session_id', 'time_in_buckets.bucket'
        ) }} as {{ share }}_seconds{{ ',' if not loop.last }}
    {% endfor %}
    from time_in_buckets
    inner join sessions on time_in_buckets.session_id = sessions.session_id
),

answers as (
    select
        session_messages.session_id,
        {{ epoch_milliseconds('coalesce(session_messages.answered_at, sessions.session_start)') }} as at_ms,
        session_messages.input_tokens,
        session_messages.output_tokens,
        session_messages.cache_read_tokens,
        session_messages.cache_creation_5m_tokens + session_messages.cache_creation_1h_tokens as cache_creation_tokens,
        session_messages.cost_usd
    from session_messages
    inner join sessions on session_messages.session_id = sessions.session_id
),

prompts as (
    select
        session_prompts.session_id,
        {{ epoch_milliseconds('coalesce(session_prompts.timestamp, sessions.session_start)') }} as at_ms
    from session_prompts
    inner join sessions on session_prompts.session_id = sessions.session_id
),

parts as (
    select
        width_minutes,
        width_ms,
        session_id,
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
    from seconds_in_buckets
    union all
    select
        widths.width_minutes,
        widths.width_ms,
        answers.session_id,
        answers.at_ms / widths.width_ms as bucket,
        answers.input_tokens,
        answers.output_tokens,
        answers.cache_read_tokens,
        answers.cache_creation_tokens,
        1 as api_requests,
        answers.cost_usd,
        0 as user_prompts,
        0 as active_seconds,
        0 as agent_seconds,
        0 as attended_seconds
    from widths
    cross join answers
    where answers.at_ms is not null
    union all
    select
        widths.width_minutes,
        widths.width_ms,
        prompts.session_id,
        prompts.at_ms / widths.width_ms as bucket,
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
    from widths
    cross join prompts
    where prompts.at_ms is not null
),

final as (
    select
        parts.width_minutes,
        parts.session_id,
        {{ instant_of_milliseconds('parts.bucket * parts.width_ms') }} as bucket_start,
        {{ instant_of_milliseconds('(parts.bucket + 1) * parts.width_ms') }} as bucket_end,
        sum(parts.input_tokens)::bigint as input_tokens,
        sum(parts.output_tokens)::bigint as output_tokens,
        sum(parts.cache_read_tokens)::bigint as cache_read_tokens,
        sum(parts.cache_creation_tokens)::bigint as cache_creation_tokens,
        sum(parts.api_requests)::bigint as api_requests,
        case when sum(parts.api_requests) = 0 then 0 else sum(parts.cost_usd) end::numeric(20, 10) as cost_usd,
        sum(parts.user_prompts)::bigint as user_prompts,
        sum(parts.active_seconds)::bigint as active_seconds,
        case when parts.width_minutes % 15 = 0 then sum(parts.agent_seconds)::bigint end as agent_seconds,
        case when parts.width_minutes % 15 = 0 then sum(parts.attended_seconds)::bigint end as attended_seconds
    from parts
    group by parts.width_minutes, parts.session_id, parts.bucket, parts.width_ms
)

select * from final
