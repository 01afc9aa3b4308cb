select
    source,
    table_name as table,
    last_changed_at,
    round(age_seconds / 3600.0, 2) as age_hours
from reports.data_freshness
order by source asc, table_name asc;
