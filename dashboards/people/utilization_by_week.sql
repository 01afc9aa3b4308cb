with

worked as (
    select
        developer_id,
        date_trunc('week', local_date)::date as week,
        sum(billable_seconds) as billable_seconds,
        sum(counted_seconds) as counted_seconds
    from reports.employee_time
    where
        local_date between %(start_date)s and %(end_date)s
        and developer_id is not null
        and (%(person)s::text is null or developer_id = %(person)s)
        and (%(client)s::text is null or client_id = %(client)s)
    group by developer_id, week
),

available as (
    select
        developer_id,
        date_trunc('week', local_date)::date as week,
        sum(available_seconds) as available_seconds
    from reports.available_time
    where
        local_date between %(start_date)s and %(end_date)s
        and (%(person)s::text is null or developer_id = %(person)s)
    group by developer_id, week
)

select
    week,
    developers.name as person,
    round(100 * coalesce(worked.billable_seconds, 0) / nullif(available.available_seconds, 0), 1) as utilization_percent,
    round(coalesce(worked.billable_seconds, 0) / 3600.0, 2) as billable_hours,
    round(coalesce(worked.counted_seconds, 0) / 3600.0, 2) as counted_hours,
    round(coalesce(available.available_seconds, 0) / 3600.0, 2) as available_hours
from worked
full join available using (developer_id, week)
inner join marts.developers on developer_id = developers.id
order by week asc, person asc;
