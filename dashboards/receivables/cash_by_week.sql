with

income as (
    select
        date_trunc('week', transactions.date)::date as week,
        transactions.currency,
        transactions.amount,
        coalesce(clients.name, '(no client)') as client
    from marts.transactions
    left join marts.projects on transactions.project_id = projects.id
    left join marts.clients on coalesce(transactions.client_id, projects.client_id) = clients.id
    where
        transactions.type = 'income'
        and transactions.date between %(start_date)s and %(end_date)s
        and (%(client)s::text is null or coalesce(transactions.client_id, projects.client_id) = %(client)s)
        and (%(currency)s::text is null or transactions.currency = %(currency)s)
),

chosen as (
    select currency
    from income
    group by currency
    order by count(*) desc, currency asc
    limit 1
)

select
    income.week,
    income.week + 6 as week_end,
    income.week >= %(start_date)s and income.week + 6 <= %(end_date)s and income.week + 6 < %(today)s as is_complete,
    income.client,
    sum(income.amount) as amount,
    income.currency
from income
inner join chosen on income.currency = chosen.currency
group by income.week, income.client, income.currency
order by income.week asc, income.client asc;
