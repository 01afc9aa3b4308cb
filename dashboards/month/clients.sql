select
    coalesce(clients.name, client_margin.client_id) as client,
    round(client_margin.counted_seconds / 3600.0, 2) as counted_hours,
    client_margin.accrued,
    client_margin.labour_cost,
    client_margin.ai_cost,
    client_margin.margin,
    case when client_margin.labour_cost > 0 then round(100 * client_margin.margin_share, 1) end as margin_percent,
    client_margin.effective_rate,
    client_margin.received,
    client_margin.currency,
    (
        select string_agg(warning ->> 'detail', '; ')
        from jsonb_array_elements(client_margin.warnings) as warnings (warning)
    ) as warnings
from marts.client_margin
left join marts.clients on client_margin.client_id = clients.id
where
    client_margin.month = %(last_month)s
    and (%(client)s::text is null or client_margin.client_id = %(client)s)
order by client_margin.accrued desc, client asc;
