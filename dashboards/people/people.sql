with

worked as (
    select
        developer_id,
        developer,
        sum(counted_seconds) as counted_seconds,
        sum(billable_seconds) as billable_seconds,
        count(distinct client_id) as clients
    from reports.employee_time
    where
        local_date between %(start_date)s and %(end_date)s
        and (%(person)s::text is null or developer_id = %(person)s)
        and (%(client)s::text is null or client_id = %(client)s)
    group by developer_id, developer
),

compared as (
    select
        developer_id,
        sum(logged_seconds) as logged_seconds,
        sum(observed_seconds) as observed_seconds
    from reports.logged_vs_observed
    where
        local_date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or client_id = %(client)s)
    group by developer_id
),

available as (
    select
        developer_id,
        sum(available_seconds) as available_seconds
    from reports.available_time
    where local_date between %(start_date)s and %(end_date)s
    group by developer_id
)

select
    coalesce(worked.developer, '(no person)') as person,
    round(worked.counted_seconds / 3600.0, 2) as counted_hours,
    round(worked.billable_seconds / 3600.0, 2) as billable_hours,
    round(available.available_seconds / 3600.0, 2) as available_hours,
    round(100 * worked.billable_seconds / nullif(available.available_seconds, 0), 1) as utilization_percent,
    round(compared.logged_seconds / 3600.0, 2) as logged_hours,
    round(compared.observed_seconds / 3600.0, 2) as observed_hours,
    worked.clients
from worked
left join compared on worked.developer_id is not distinct from compared.developer_id
left join available on worked.developer_id = available.developer_id
order by worked.counted_seconds desc, person asc;
