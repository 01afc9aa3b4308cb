select
    entries.local_date,
    developers.name as person,
    clients.name as client,
    replace(entries.finding, '_', ' ') as finding,
    round(entries.doubtful_seconds / 3600.0, 2) as doubtful_hours,
    entries.is_same,
    replace(entries.source, '_', ' ') as source,
    entries.issue_key,
    entries.description,
    entries.time_entry_id,
    entries.other_time_entry_id
from reports.suspicious_entries as entries
left join marts.developers on entries.developer_id = developers.id
left join marts.clients on entries.client_id = clients.id
where
    entries.local_date between %(start_date)s and %(end_date)s
    and (%(person)s::text is null or entries.developer_id = %(person)s)
    and (%(client)s::text is null or entries.client_id = %(client)s)
order by entries.doubtful_seconds desc, entries.time_entry_id asc, entries.other_time_entry_id asc nulls first;
