select
    date_trunc('month', local_date)::date as month,
    date_trunc('month', local_date) < %(this_month)s as is_complete,
    case when developer_id is null then 'No developer' else 'No client' end as reason,
    round(sum(counted_seconds) / 3600.0, 2) as hours
from reports.employee_time
where
    local_date between %(months_from)s and %(months_to)s
    and (developer_id is null or client_id is null)
group by date_trunc('month', local_date), case when developer_id is null then 'No developer' else 'No client' end
order by month asc, reason asc;
