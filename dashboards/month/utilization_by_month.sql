select
    month,
    month < %(this_month)s as is_complete,
    round(100 * utilization, 1) as utilization_percent,
    round(100 * utilization_target, 1) as target_percent,
    round(billable_seconds / 3600.0, 2) as billable_hours,
    round(available_seconds / 3600.0, 2) as available_hours
from marts.agency_kpis
where
    month between %(months_from)s and %(months_to)s
    and utilization is not null
order by month;
