with

aged as (
    select
        replace(unbilled_reason, '_', ' ') as reason,
        seconds,
        case
            when %(today)s::date - local_date <= 30 then '0 to 30 days'
            when %(today)s::date - local_date <= 60 then '31 to 60 days'
            when %(today)s::date - local_date <= 90 then '61 to 90 days'
            else 'over 90 days'
        end as age
    from reports.time_entry_export
    where
        unbilled_reason is not null
        and local_date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or client_id = %(client)s)
)

select
    reason,
    age,
    round(sum(seconds) / 3600.0, 2) as hours
from aged
group by reason, age
order by reason asc, age asc;
