select
    sessions.id as session_id,
    sessions.session_start as started_at,
    developers.name as person,
    clients.name as client,
    sessions.model as main_model,
    sessions.api_requests as answers,
    round(sessions.duration_seconds / 3600.0, 2) as active_hours,
    round(sessions.attended_seconds / 3600.0, 2) as attended_hours,
    round(sessions.cost_usd, 2) as cost_usd,
    (
        select string_agg(tickets.ticket_key, ', ' order by tickets.ticket_key)
        from marts.session_tickets as tickets
        where tickets.session_id = sessions.id
    ) as issues
from marts.claude_sessions as sessions
left join marts.developers on sessions.developer_id = developers.id
left join marts.clients on sessions.client_id = clients.id
where
    sessions.session_start >= %(start_date)s::timestamp at time zone 'UTC'
    and sessions.session_start < (%(end_date)s::date + 1)::timestamp at time zone 'UTC'
    and (%(client)s::text is null or sessions.client_id = %(client)s)
    and (%(person)s::text is null or sessions.developer_id = %(person)s)
order by sessions.cost_usd desc nulls last, sessions.id asc
limit 50;
