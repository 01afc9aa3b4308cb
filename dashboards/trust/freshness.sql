select
    replace(source, '_', ' ') as source,
    max(last_changed_at) as last_changed_at,
    round(min(age_seconds) / 3600.0, 2) as age_hours
from reports.data_freshness
where last_changed_at is not null
group by source
order by age_hours desc, source asc;
