with

weeks as (
    select
        date_trunc('week', local_date)::date as week,
        coalesce(client, '(no client)') as client,
        sum(counted_seconds) as seconds
    from reports.daily_time_by_project
    where
        local_date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or client_id = %(client)s)
    group by date_trunc('week', local_date), client
),

ranks as (
    select
        client,
        row_number() over (order by sum(seconds) desc, client asc) as rank
    from weeks
    group by client
)

select
    weeks.week,
    weeks.week + 6 as week_end,
    weeks.week >= %(start_date)s and weeks.week + 6 <= %(end_date)s and weeks.week + 6 < %(today)s as is_complete,
    case when ranks.rank <= 7 then weeks.client else 'All others' end as client,
    round(sum(weeks.seconds) / 3600.0, 2) as hours
from weeks
inner join ranks on weeks.client = ranks.client
group by weeks.week, case when ranks.rank <= 7 then weeks.client else 'All others' end
order by week asc, client asc;
