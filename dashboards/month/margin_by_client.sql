select
    client_margin.month,
    client_margin.month < %(this_month)s as is_complete,
    clients.name as client,
    case when client_margin.labour_cost > 0 then round(100 * client_margin.margin_share, 1) end as margin_percent,
    client_margin.accrued,
    client_margin.labour_cost,
    client_margin.ai_cost,
    client_margin.margin,
    client_margin.currency
from marts.client_margin
inner join marts.clients on client_margin.client_id = clients.id
where
    client_margin.month between %(months_from)s and %(months_to)s
    and (%(client)s::text is null or client_margin.client_id = %(client)s)
order by client_margin.month asc, clients.name asc;
