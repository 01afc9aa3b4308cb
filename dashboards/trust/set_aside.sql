select
    source,
    table_name as table,
    reason,
    count(*) as records,
    min(found_at) as first_found_at,
    max(found_at) as last_found_at
from reports.set_aside
where
    found_at >= %(start_date)s::timestamp at time zone 'UTC'
    -- A finding of the day of as_of may be past midnight in UTC.
    and found_at < (%(end_date)s::date + 2)::timestamp at time zone 'UTC'
group by source, table_name, reason
order by records desc, source asc, table_name asc, reason asc;
