select
    replace(unbilled_reason, '_', ' ') as reason,
    client,
    project,
    developer as person,
    min(local_date) as first_day,
    max(local_date) as last_day,
    count(distinct time_entry_id) as entries,
    round(sum(seconds) / 3600.0, 2) as hours
from reports.time_entry_export
where
    unbilled_reason is not null
    and local_date between %(start_date)s and %(end_date)s
    and (%(client)s::text is null or client_id = %(client)s)
group by unbilled_reason, client, project, developer
order by sum(seconds) desc, reason asc, client asc, project asc, person asc;
