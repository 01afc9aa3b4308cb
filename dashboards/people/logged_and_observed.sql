with

weeks as (
    select
        date_trunc('week', local_date)::date as week,
        sum(logged_seconds) as logged_seconds,
        sum(observed_seconds) as observed_seconds
    from reports.logged_vs_observed
    where
        local_date between %(start_date)s and %(end_date)s
        and (%(person)s::text is null or developer_id = %(person)s)
        and (%(client)s::text is null or client_id = %(client)s)
    group by week
)

select
    weeks.week,
    weeks.week >= %(start_date)s and weeks.week + 6 <= %(end_date)s and weeks.week + 6 < %(today)s as is_complete,
    parts.what,
    round(parts.seconds / 3600.0, 2) as hours
from weeks
cross join lateral (values ('Logged', weeks.logged_seconds), ('Observed', weeks.observed_seconds)) as parts (what, seconds)
order by weeks.week asc, parts.what asc;
