with

mentions as (
    select distinct tickets.ticket_key
    from marts.session_tickets as tickets
    inner join marts.claude_sessions as sessions on tickets.session_id = sessions.id
    where
        sessions.session_start >= %(start_date)s::timestamp at time zone 'UTC'
        and sessions.session_start < (%(end_date)s::date + 1)::timestamp at time zone 'UTC'
        and (%(person)s::text is null or sessions.developer_id = %(person)s)
)

select
    costs.issue_key,
    issues.summary,
    clients.name as client,
    round(costs.ai_cost_usd, 2) as ai_cost_usd,
    round(costs.human_seconds / 3600.0, 2) as logged_hours,
    costs.labour_cost,
    costs.currency,
    costs.pull_requests
from marts.issue_costs as costs
inner join mentions on costs.issue_key = mentions.ticket_key
left join marts.jira_issues as issues on costs.issue_id = issues.id
left join marts.clients on costs.client_id = clients.id
where
    costs.ai_cost_usd > 0
    and (%(client)s::text is null or costs.client_id = %(client)s)
order by costs.ai_cost_usd desc, costs.issue_key asc
limit 15;
