with

allocations as (
    select * from {{ source('invoicing', 'payment_allocations') }}
),

payments as (
    select * from {{ ref('stg_invoicing__payments') }}
),

-- What a credit note settles of an invoice is taken from what is owed on the note.
final as (
    select
        allocations.id as allocation_id,
        allocations.invoice_id,
        coalesce(payments.kind, 'credit_note') as kind,
        allocations.amount
    from allocations
    left join payments on allocations.payment_id = payments.payment_id
    union all
    select
        id as allocation_id,
        credit_note_id as invoice_id,
        'credit_note' as kind,
        -payment_amount as amount
    from allocations
    where credit_note_id is not null
)

select * from final
