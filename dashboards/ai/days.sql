select
    (messages.answered_at at time zone 'UTC')::date as day,
    coalesce(messages.model, '(no model)') as model,
    count(*) as answers,
    sum(messages.input_tokens)::bigint as input_tokens,
    sum(messages.output_tokens)::bigint as output_tokens,
    sum(messages.cache_read_tokens)::bigint as cache_read_tokens,
    sum(messages.cache_creation_5m_tokens + messages.cache_creation_1h_tokens)::bigint as cache_write_tokens,
    round(
        100 * sum(messages.cache_read_tokens) / nullif(
            sum(
                messages.input_tokens + messages.cache_read_tokens + messages.cache_creation_5m_tokens
                + messages.cache_creation_1h_tokens
            ), 0
        ), 1
    ) as cached_percent,
    round(sum(messages.cost_usd), 2) as cost_usd
from marts.session_messages as messages
left join marts.claude_sessions as sessions on messages.session_id = sessions.id
where
    messages.answered_at
    >= greatest(%(start_date)s::date, %(last_day)s - 13)::timestamp at time zone 'UTC'
    and messages.answered_at < (%(end_date)s::date + 1)::timestamp at time zone 'UTC'
    and (%(client)s::text is null or messages.client_id = %(client)s)
    and (%(person)s::text is null or sessions.developer_id = %(person)s)
group by day, messages.model
order by day desc, cost_usd desc nulls last, model asc;
