select
    extract(isodow from overlay.bucket_start at time zone coalesce(developers.timezone, 'UTC'))::int as weekday,
    extract(hour from overlay.bucket_start at time zone coalesce(developers.timezone, 'UTC'))::int as hour_of_day,
    round(sum(overlay.active_seconds) / 3600.0, 2) as active_hours,
    round(sum(overlay.attended_seconds) / 3600.0, 2) as attended_hours,
    round(sum(overlay.agent_seconds) / 3600.0, 2) as agent_hours
from marts.daily_overlay as overlay
left join marts.developers on overlay.developer_id = developers.id
where
    overlay.local_date between %(start_date)s and %(end_date)s
    and overlay.bucket_start is not null
    and overlay.active_seconds > 0
    and (%(client)s::text is null or overlay.client_id = %(client)s)
    and (%(person)s::text is null or overlay.developer_id = %(person)s)
group by weekday, hour_of_day
order by weekday, hour_of_day;
