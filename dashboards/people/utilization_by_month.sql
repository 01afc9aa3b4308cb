select
    month,
    month < date_trunc('month', %(today)s::date) as is_complete,
    developer_name as person,
    round(100 * utilization, 1) as utilization_percent,
    round(billable_seconds / 3600.0, 2) as billable_hours,
    round(available_seconds / 3600.0, 2) as available_hours
from reports.utilization
where
    month between date_trunc('month', %(start_date)s::date) and least(%(end_date)s, %(today)s)
    and utilization is not null
    and (%(person)s::text is null or developer_id = %(person)s)
order by month asc, person asc;
