select
    contract_periods.period_end,
    contract_periods.period_end <= %(today)s as is_complete,
    contracts.name || ' (' || clients.name || ')' as contract,
    round(100 * contract_periods.used_share, 1) as used_percent,
    contract_periods.used_hours,
    contract_periods.allocated_hours,
    contract_periods.overage_hours
from marts.contract_periods
inner join marts.contracts on contract_periods.contract_id = contracts.id
inner join marts.clients on contract_periods.client_id = clients.id
where
    not contract_periods.is_deleted
    and contract_periods.used_share is not null
    and contract_periods.period_end >= %(start_date)s
    and contract_periods.period_start <= least(%(end_date)s, %(today)s)
    and (%(client)s::text is null or contract_periods.client_id = %(client)s)
order by contract_periods.period_end asc, contract asc;
