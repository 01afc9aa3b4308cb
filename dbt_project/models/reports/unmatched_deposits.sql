with

deposits as (
    select * from {{ ref('int_money__deposits') }}
),

clients as (
    select * from {{ ref('clients') }}
),

invoices as (
    select * from {{ source('invoicing', 'invoices') }}
    where status != 'draft'
),

payments as (
    select * from {{ source('invoicing', 'payments') }}
),

joined as (
    select * from {{ source('invoicing', 'joined_deposits') }}
    where parted_at is null
),

notes as (
    select * from {{ source('invoicing', 'unmatched_deposits') }}
),

used as (
    select payments.bank_transaction_id
    from payments
    where
        payments.kind = 'receipt'
        and payments.reverses_payment_id is null
        and not exists (
            select 1 from payments as reversals
            where reversals.reverses_payment_id = payments.id
        )
    union all
    select joined.bank_transaction_id
    from joined
),

final as (
    select
        deposits.id,
        deposits.date,
        deposits.amount,
        deposits.currency,
        deposits.description,
        deposits.payer,
        deposits.client_id,
        clients.name as client,
        coalesce(notes.why, 'not looked at yet: `workledger cash match`') as why,
        coalesce(notes.candidates, '[]'::jsonb) as candidates,
        notes.looked_at
    from deposits
    left join notes on deposits.transaction_id = notes.bank_transaction_id
    left join clients on deposits.client_id = clients.id
    where
        -- Older ones can pay no invoice.
        deposits.date >= (select min(invoices.issue_date) from invoices)
        and (deposits.is_income or notes.bank_transaction_id is not null)
        and not exists (
            select 1 from used
            where used.bank_transaction_id = deposits.transaction_id
        )
)

select * from final
