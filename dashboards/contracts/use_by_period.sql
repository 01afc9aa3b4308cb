with

periods as (
    select * from marts.contract_periods
    where
        not is_deleted
        and used_share is not null
        and period_end >= %(start_date)s
        and period_start <= %(last_day)s
        and (%(client)s::text is null or client_id = %(client)s)
),

largest as (
    select contract_id
    from periods
    group by contract_id
    order by sum(allocated_hours) desc, contract_id asc
    limit 8
)

select
    periods.period_end,
    periods.period_end <= %(today)s as is_complete,
    contracts.name || ' (' || clients.name || ')' as contract,
    round(100 * periods.used_share, 1) as used_percent,
    periods.used_hours,
    periods.allocated_hours,
    periods.overage_hours
from periods
inner join largest on periods.contract_id = largest.contract_id
inner join marts.contracts on periods.contract_id = contracts.id
inner join marts.clients on periods.client_id = clients.id
order by periods.period_end asc, contract asc;
