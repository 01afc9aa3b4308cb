-- Every answer counts in one session, and a session counts its answers and nothing else (rule 12.1).
{% set sessions = changed_values({'session_messages': 'session_id', 'claude_sessions': 'id'}) %}
with

answers as (
    select
        session_id,
        count(*) as api_requests,
        sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_5m_tokens + cache_creation_1h_tokens) as tokens,
        sum(cost_usd) as cost_usd
    from {{ ref('session_messages') }}
    where {{ is_among('session_id', sessions) }}
    group by session_id
),

claude_sessions as (
    select * from {{ ref('claude_sessions') }}
    where {{ is_among('id', sessions) }}
)

select
    claude_sessions.id,
    answers.session_id,
    answers.api_requests,
    answers.tokens,
    answers.cost_usd
from claude_sessions
full outer join answers on claude_sessions.id = answers.session_id
where
    claude_sessions.id is null
    or coalesce(answers.api_requests, 0) <> claude_sessions.api_requests
    or coalesce(answers.tokens, 0)
    <> claude_sessions.input_tokens + claude_sessions.output_tokens
    + claude_sessions.cache_read_tokens + claude_sessions.cache_creation_tokens
    or answers.cost_usd is distinct from case when claude_sessions.api_requests > 0 then claude_sessions.cost_usd end
