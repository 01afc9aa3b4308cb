select
    month,
    month < %(this_month)s as is_complete,
    developer_name as person,
    round(100 * utilization, 1) as utilization_percent,
    round(billable_seconds / 3600.0, 2) as billable_hours,
    round(available_seconds / 3600.0, 2) as available_hours
from reports.utilization
where
    month between %(months_from)s and %(months_to)s
    and utilization is not null
    and (%(person)s::text is null or developer_id = %(person)s)
order by month asc, person asc;
