with

months as (
    select
        date_trunc('month', local_date)::date as month,
        sum(cost_usd) as cost_usd,
        sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens)::bigint as tokens,
        sum(cache_read_tokens) / nullif(sum(input_tokens + cache_read_tokens + cache_creation_tokens), 0) as cache_share,
        sum(sessions)::bigint as sessions,
        sum(pull_requests_merged)::bigint as pull_requests
    from marts.productivity_triangle
    where
        local_date between %(figures_from)s and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(person)s::text is null or developer_id = %(person)s)
    group by date_trunc('month', local_date)
),

hours as (
    select
        date_trunc('month', local_date)::date as month,
        sum(attended_seconds)::bigint as attended_seconds,
        sum(agent_seconds)::bigint as agent_seconds
    from marts.daily_overlay
    where
        local_date between %(figures_from)s and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(person)s::text is null or developer_id = %(person)s)
    group by date_trunc('month', local_date)
)

select
    month,
    month < %(this_month)s as is_complete,
    'USD' as currency,
    months.cost_usd,
    months.tokens,
    months.cache_share,
    hours.attended_seconds,
    hours.agent_seconds,
    hours.agent_seconds::numeric / nullif(hours.agent_seconds + hours.attended_seconds, 0) as agent_share,
    months.cost_usd / nullif(months.pull_requests, 0) as cost_per_pull_request,
    months.sessions
from months
left join hours using (month)
order by month;
