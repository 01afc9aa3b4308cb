select
    date_trunc('month', local_date)::date as month,
    date_trunc('month', local_date) < %(this_month)s as is_complete,
    round(sum(cost_usd), 2) as cost_usd,
    sum(pull_requests_merged)::bigint as pull_requests_merged,
    round(sum(cost_usd) / sum(pull_requests_merged), 2) as cost_per_pull_request_usd
from marts.productivity_triangle
where
    local_date between %(months_from)s and %(months_to)s
    and (%(client)s::text is null or client_id = %(client)s)
    and (%(person)s::text is null or developer_id = %(person)s)
group by date_trunc('month', local_date)
having sum(pull_requests_merged) > 0 and sum(cost_usd) is not null
order by month;
