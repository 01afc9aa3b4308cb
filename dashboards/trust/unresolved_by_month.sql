select
    date_trunc('month', local_date)::date as month,
    date_trunc('month', local_date) < date_trunc('month', %(today)s::date) as is_complete,
    case when developer_id is null then 'No developer' else 'No client' end as reason,
    round(sum(counted_seconds) / 3600.0, 2) as hours
from reports.employee_time
where
    local_date between date_trunc('month', %(start_date)s::date) and least(%(end_date)s, %(today)s)
    and (developer_id is null or client_id is null)
group by date_trunc('month', local_date), case when developer_id is null then 'No developer' else 'No client' end
order by month asc, reason asc;
