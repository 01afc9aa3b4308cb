select
    date_trunc('week', local_date)::date as week,
    coalesce(developer, '(no person)') as person,
    round(sum(billable_seconds) / 3600.0, 2) as billable_hours,
    round(sum(counted_seconds) / 3600.0, 2) as counted_hours
from reports.employee_time
where
    local_date between %(start_date)s and %(end_date)s
    and (%(person)s::text is null or developer_id = %(person)s)
    and (%(client)s::text is null or client_id = %(client)s)
group by week, developer
order by week asc, person asc;
