-- What is invoiced, what is adjusted and what is still to be invoiced is together what all time and amounts are worth now, to the cent: by client
-- and currency, since an adjustment stands on a later month (rule 10.4).
with

billed as (
    select
        client_id,
        currency,
        sum(line_total) as amount
    from {{ ref('invoice_prefill_lines') }}
    group by client_id, currency
),

computed as (
    select
        client_id,
        currency,
        sum(line_total) as amount
    from {{ ref('int_billing__lines') }}
    group by client_id, currency
)

select
    coalesce(billed.client_id, computed.client_id) as client_id,
    coalesce(billed.currency, computed.currency) as currency,
    billed.amount as billed_amount,
    computed.amount as computed_amount
from billed
full outer join computed on billed.client_id = computed.client_id and billed.currency = computed.currency
where coalesce(billed.amount, 0) != coalesce(computed.amount, 0)
