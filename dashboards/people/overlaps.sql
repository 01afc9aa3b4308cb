select
    pairs.local_date,
    developers.name as person,
    clients.name as client,
    replace(pairs.source, '_', ' ') as source,
    other_clients.name as other_client,
    replace(pairs.other_source, '_', ' ') as other_source,
    pairs.overlap_start,
    pairs.overlap_end,
    round(pairs.overlap_seconds / 3600.0, 2) as overlap_hours,
    pairs.time_entry_id,
    pairs.other_time_entry_id
from reports.overlaps as pairs
left join marts.developers on pairs.developer_id = developers.id
left join marts.clients on pairs.client_id = clients.id
left join marts.clients as other_clients on pairs.other_client_id = other_clients.id
where
    pairs.local_date between %(start_date)s and %(end_date)s
    and (%(person)s::text is null or pairs.developer_id = %(person)s)
    and (%(client)s::text is null or %(client)s in (pairs.client_id, pairs.other_client_id))
order by pairs.overlap_seconds desc, pairs.time_entry_id asc, pairs.other_time_entry_id asc;
