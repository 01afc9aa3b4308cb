with

receivables as (
    select
        receivables.currency::text as currency,
        receivables.bucket,
        receivables.open_amount,
        clients.name as client
    from billing.ar_open(%(today)s) as receivables
    left join marts.clients on receivables.client_id = clients.id
    where
        receivables.bucket <> 'unapplied'
        and (%(client)s::text is null or receivables.client_id = %(client)s)
        and (%(currency)s::text is null or receivables.currency = %(currency)s)
),

chosen as (
    select currency
    from receivables
    group by currency
    order by sum(open_amount) desc, currency asc
    limit 1
)

select
    receivables.bucket as days_past_due,
    coalesce(receivables.client, '(no client)') as client,
    sum(receivables.open_amount) as open_amount,
    receivables.currency
from receivables
inner join chosen on receivables.currency = chosen.currency
group by receivables.bucket, receivables.client, receivables.currency
order by days_past_due asc, client asc;
