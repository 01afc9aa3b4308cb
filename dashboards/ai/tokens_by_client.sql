with

weeks as (
    select
        date_trunc('week', triangle.local_date)::date as week,
        coalesce(clients.name, '(no client)') as client,
        sum(
            triangle.input_tokens + triangle.output_tokens + triangle.cache_read_tokens + triangle.cache_creation_tokens
        ) as tokens
    from marts.productivity_triangle as triangle
    left join marts.clients on triangle.client_id = clients.id
    where
        triangle.local_date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or triangle.client_id = %(client)s)
        and (%(person)s::text is null or triangle.developer_id = %(person)s)
    group by week, clients.name
),

ranks as (
    select
        client,
        row_number() over (order by sum(tokens) desc, client asc) as rank
    from weeks
    group by client
)

select
    weeks.week,
    weeks.week + 6 as week_end,
    weeks.week >= %(start_date)s and weeks.week + 6 <= %(end_date)s and weeks.week + 6 < %(today)s as is_complete,
    case when ranks.rank <= 7 then weeks.client else 'All others' end as client,
    sum(weeks.tokens)::bigint as tokens
from weeks
inner join ranks on weeks.client = ranks.client
group by weeks.week, case when ranks.rank <= 7 then weeks.client else 'All others' end
having sum(weeks.tokens) > 0
order by week asc, client asc;
