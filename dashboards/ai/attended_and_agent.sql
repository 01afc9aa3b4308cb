with

weeks as (
    select
        date_trunc('week', local_date)::date as week,
        sum(attended_seconds) as attended_seconds,
        sum(agent_seconds) as agent_seconds
    from marts.daily_overlay
    where
        local_date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(person)s::text is null or developer_id = %(person)s)
    group by week
    having sum(active_seconds) > 0
)

select
    weeks.week,
    weeks.week + 6 as week_end,
    weeks.week >= %(start_date)s and weeks.week + 6 <= %(end_date)s and weeks.week + 6 < %(today)s as is_complete,
    parts.part,
    round(parts.seconds / 3600.0, 2) as hours
from weeks
cross join lateral (values ('Attended', weeks.attended_seconds), ('Agent', weeks.agent_seconds)) as parts (part, seconds)
order by weeks.week asc, parts.part asc;
