with

receivables as (
    select
        as_of,
        is_latest,
        bucket,
        currency,
        sum(open_amount) as open_amount
    from marts.ar_aging
    where
        as_of between %(months_from)s and %(today)s
        and (%(client)s::text is null or client_id = %(client)s)
        and (%(currency)s::text is null or currency = %(currency)s)
    group by as_of, is_latest, bucket, currency
),

chosen as (
    select currency
    from receivables
    group by currency
    order by sum(open_amount) desc, currency asc
    limit 1
)

select
    date_trunc('month', receivables.as_of)::date as month,
    not receivables.is_latest as is_complete,
    receivables.as_of,
    receivables.bucket as days_past_due,
    receivables.open_amount,
    receivables.currency
from receivables
inner join chosen on receivables.currency = chosen.currency
order by receivables.as_of asc, days_past_due asc;
