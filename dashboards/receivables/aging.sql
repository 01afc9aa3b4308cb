with

receivables as (
    select
        bucket,
        coalesce(client, '(no client)') as client,
        currency,
        sum(open_amount) as open_amount
    from marts.ar_aging
    where
        is_latest
        and bucket <> 'unapplied'
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
    group by bucket, client, currency
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
    receivables.client,
    receivables.open_amount,
    receivables.currency
from receivables
inner join chosen on receivables.currency = chosen.currency
order by receivables.bucket asc, receivables.client asc;
