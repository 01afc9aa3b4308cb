select
    date,
    description,
    merchant_name as merchant,
    amount,
    currency,
    category,
    id as transaction_id
from marts.transactions
where
    type = 'income'
    and client_id is null
    and not allocated
    and date between %(start_date)s and %(end_date)s
    and (%(currency)s::text is null or currency = %(currency)s)
order by date desc, id asc;
