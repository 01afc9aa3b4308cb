select
    contract || ' (' || client || ')' as contract,
    period_start,
    period_end,
    used_hours,
    allocated_hours,
    round(100 * used_share, 1) as used_percent,
    round(100.0 * (%(today)s::date - period_start + 1) / (period_end - period_start + 1), 1) as elapsed_percent
from reports.contract_status
where
    allocated_hours > 0
    and (%(client)s::text is null or client_id = %(client)s)
order by used_share desc, contract asc;
