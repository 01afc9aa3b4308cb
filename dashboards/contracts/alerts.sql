select
    reached_on,
    threshold_percent,
    client,
    contract,
    period_start,
    period_end,
    allocated_hours as included_hours,
    used_hours,
    developer as reached_by,
    contract_id
from reports.contract_alerts
where
    reached_on between %(start_date)s and %(end_date)s
    and (%(client)s::text is null or client_id = %(client)s)
order by reached_on desc, threshold_percent desc, contract asc;
