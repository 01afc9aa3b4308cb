-- Buckets = session, for tokens, requests, prompts, cost and seconds (rule 12.1). A session without any time has no half hours.
{% set sessions = changed_values({'session_activity': 'session_id', 'claude_sessions': 'id'}) %}
with

half_hours as (
    select
        session_id,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(cache_creation_tokens) as cache_creation_tokens,
        sum(api_requests) as api_requests,
        sum(user_prompts) as user_prompts,
        sum(cost_usd) filter (where api_requests > 0) as cost_usd,
        sum(active_seconds) as active_seconds,
        sum(agent_seconds) as agent_seconds,
        sum(attended_seconds) as attended_seconds
    from {{ ref('session_activity') }}
    where {{ is_among('session_id', sessions) }}
    group by session_id
)

select
    claude_sessions.id,
    half_hours.*
from {{ ref('claude_sessions') }} as claude_sessions
left join half_hours on claude_sessions.id = half_hours.session_id
where
    claude_sessions.session_start is not null
    and {{ is_among('claude_sessions.id', sessions) }}
    and (
        coalesce(half_hours.input_tokens, 0) <> claude_sessions.input_tokens
        or coalesce(half_hours.output_tokens, 0) <> claude_sessions.output_tokens
        or coalesce(half_hours.cache_read_tokens, 0) <> claude_sessions.cache_read_tokens
        or coalesce(half_hours.cache_creation_tokens, 0) <> claude_sessions.cache_creation_tokens
        or coalesce(half_hours.api_requests, 0) <> claude_sessions.api_requests
        or coalesce(half_hours.user_prompts, 0) <> claude_sessions.user_prompts
        or half_hours.cost_usd is distinct from case when claude_sessions.api_requests > 0 then claude_sessions.cost_usd end
        or coalesce(half_hours.active_seconds, 0) <> claude_sessions.duration_seconds
        or coalesce(half_hours.agent_seconds, 0) <> claude_sessions.agent_seconds
        or coalesce(half_hours.attended_seconds, 0) <> claude_sessions.attended_seconds
    )
