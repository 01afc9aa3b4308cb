select
    line_id,
    local_date,
    developer,
    replace(source, '_', ' ') as source,
    project,
    issue_key,
    description,
    round(seconds / 3600.0, 2) as worked_hours,
    round(billable_seconds / 3600.0, 2) as billed_hours,
    rate,
    amount,
    currency,
    time_entry_id
from reports.time_entry_export
where
    line_id is not null
    and invoice_month >= %(last_month)s
    and (%(client)s::text is null or client_id = %(client)s)
    and (%(currency)s::text is null or currency = %(currency)s)
    and (%(parent)s::text is null or line_id = %(parent)s)
order by line_id asc, local_date asc, developer asc, time_entry_id asc;
