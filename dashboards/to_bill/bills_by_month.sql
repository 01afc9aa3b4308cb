with

bills as (
    select * from marts.invoice_prefills
    where
        invoice_month between %(months_from)s and %(end_date)s
        and (%(client)s::text is null or client_id = %(client)s)
),

chosen as (
    select currency
    from bills
    where %(currency)s::text is null or currency = %(currency)s
    group by currency
    order by count(*) desc, currency asc
    limit 1
)

select
    bills.invoice_month,
    bills.invoice_month < %(this_month)s as is_complete,
    clients.name as client,
    bills.subtotal,
    bills.currency
from bills
inner join chosen on bills.currency = chosen.currency
inner join marts.clients on bills.client_id = clients.id
order by bills.invoice_month asc, clients.name asc;
