{# The clients and dates of a session's half hour sum to session_activity (rule 12.1). #}
with

cells as (
    select
        session_id,
        bucket_start,
        sum(active_seconds) as active_seconds,
        sum(agent_seconds) as agent_seconds,
        sum(attended_seconds) as attended_seconds,
        sum(output_tokens) as output_tokens,
        sum(api_requests) as api_requests,
        sum(user_prompts) as user_prompts,
        sum(cost_usd) as cost_usd
    from {{ ref('int_engineering__session_cells') }}
    group by session_id, bucket_start
),

activity as (
    select * from {{ ref('session_activity') }}
)

select
    coalesce(activity.session_id, cells.session_id) as session_id,
    coalesce(activity.bucket_start, cells.bucket_start) as bucket_start
from activity
full outer join cells
    on
        activity.session_id = cells.session_id
        and activity.bucket_start = cells.bucket_start
where
    (
        activity.active_seconds, activity.agent_seconds, activity.attended_seconds, activity.output_tokens, activity.api_requests,
        activity.user_prompts, coalesce(activity.cost_usd, 0)
    )
    is distinct from (
        cells.active_seconds, cells.agent_seconds, cells.attended_seconds, cells.output_tokens, cells.api_requests, cells.user_prompts,
        coalesce(cells.cost_usd, 0)
    )
