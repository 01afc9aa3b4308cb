{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['as_of', 'currency']},
    {'columns': ['client_id']},
    {'columns': ['invoice_id']},
    {'columns': ['due_date']},
    {'columns': ['issue_date']},
    {'columns': ['bucket']},
]) }}

-- What the function reads, so that a new payment makes this stale:
-- depends_on: {{ source('invoicing', 'invoices') }}, {{ source('invoicing', 'payments') }}, {{ source('invoicing', 'payment_allocations') }}
with

days as (
    select * from {{ ref('int_money__receivable_days') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

rates as (
    select * from {{ ref('int_money__exchange_rates') }}
),

clients as (
    select * from {{ ref('clients') }}
),

-- Several payments of a client and day are one row.
items as (
    select
        days.as_of,
        days.is_latest,
        items.client_id,
        items.invoice_id,
        items.invoice_number,
        items.currency::text as currency,
        items.issue_date,
        items.due_date,
        sum(items.total) as total,
        sum(items.settled) as settled,
        sum(items.open_amount) as open_amount,
        max(items.days_past_due) as days_past_due,
        items.bucket
    from days
    cross join lateral billing.ar_open(days.as_of) as items
    group by
        days.as_of, days.is_latest, items.client_id, items.invoice_id, items.invoice_number, items.currency, items.issue_date, items.due_date,
        items.bucket
),

final as (
    select
        concat_ws(
            ' ', items.as_of, coalesce(items.invoice_id, concat_ws(' ', coalesce(items.client_id, 'several'), items.currency, items.issue_date))
        ) as id,
        items.as_of,
        items.is_latest,
        items.client_id,
        clients.name as client,
        items.invoice_id,
        items.invoice_number,
        items.currency,
        items.issue_date,
        items.due_date,
        items.total::numeric(14, 2) as total,
        items.settled::numeric(14, 2) as settled,
        items.open_amount::numeric(14, 2) as open_amount,
        items.days_past_due,
        items.bucket,
        agency.currency as agency_currency,
        round({{ converted('items.open_amount', 'items.currency', 'agency.currency', 'rates.rate') }}, 2)::numeric(14, 2) as agency_open_amount
    from items
    cross join agency
    left join clients on items.client_id = clients.id
    left join rates on {{ rate_of_month('rates', 'items.currency', 'agency.currency', month_of('items.as_of')) }}
)

select * from final
