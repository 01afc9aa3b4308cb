select
    client,
    contract,
    replace(type, '_', ' ') as kind,
    period_start,
    period_end,
    days_left,
    allocated_hours as included_hours,
    used_hours,
    remaining_hours,
    round(100 * used_share, 1) as used_percent,
    round(100.0 * (%(today)s::date - period_start + 1) / (period_end - period_start + 1), 1) as elapsed_percent,
    round(used_hours * (period_end - period_start + 1) / (%(today)s::date - period_start + 1), 2) as projected_hours,
    case
        when allocated_hours is not null then round(greatest(
            used_hours * (period_end - period_start + 1) / (%(today)s::date - period_start + 1) - allocated_hours, 0
        ), 2)
    end as projected_overage_hours,
    contract_id
from reports.contract_status
where %(client)s::text is null or client_id = %(client)s
order by used_share desc nulls last, client asc, contract asc;
