with

sessions as (
    select id
    from marts.claude_sessions
    where
        %(parent)s::text is null
        and session_start >= %(start_date)s::timestamp at time zone 'UTC'
        and session_start < (%(end_date)s::date + 1)::timestamp at time zone 'UTC'
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(person)s::text is null or developer_id = %(person)s)
    order by cost_usd desc nulls last, id asc
    limit 50
)

select
    session_id,
    bucket_start as half_hour,
    round(active_seconds / 60.0, 1) as active_minutes,
    round(agent_seconds / 60.0, 1) as agent_minutes,
    round(attended_seconds / 60.0, 1) as attended_minutes,
    user_prompts as prompts,
    api_requests as answers,
    output_tokens,
    round(cost_usd, 4) as cost_usd,
    summary
from marts.session_activity
where session_id = %(parent)s or session_id in (select id from sessions)
order by session_id asc, bucket_start asc;
