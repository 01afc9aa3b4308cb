with

weeks as (
    select
        date_trunc('week', triangle.local_date)::date as week,
        coalesce(clients.name, '(no client)') as client,
        sum(triangle.cost_usd) as cost_usd
    from marts.productivity_triangle as triangle
    left join marts.clients on triangle.client_id = clients.id
    where
        triangle.cost_usd is not null
        and triangle.local_date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or triangle.client_id = %(client)s)
        and (%(person)s::text is null or triangle.developer_id = %(person)s)
    group by week, clients.name
),

ranks as (
    select
        client,
        row_number() over (order by sum(cost_usd) desc, client asc) as rank
    from weeks
    group by client
)

select
    weeks.week,
    weeks.week + 6 as week_end,
    weeks.week >= %(start_date)s and weeks.week + 6 <= %(end_date)s and weeks.week + 6 < %(today)s as is_complete,
    case when ranks.rank <= 7 then weeks.client else 'All others' end as client,
    round(sum(weeks.cost_usd), 2) as cost_usd
from weeks
inner join ranks on weeks.client = ranks.client
group by weeks.week, case when ranks.rank <= 7 then weeks.client else 'All others' end
having sum(weeks.cost_usd) > 0
order by week asc, client asc;
