with

amounts as (
    select * from {{ ref('int_money__amounts') }}
    where measure in ('accrued', 'received') and client_id != {{ bench() }}
),

clients as (
    select * from {{ ref('clients') }}
),

final as (
    select
        amounts.client_id,
        clients.name as client,
        amounts.month,
        amounts.currency,
        coalesce(sum(amounts.amount) filter (where amounts.measure = 'accrued'), 0)::numeric(14, 2) as accrued,
        -- Invoices are not issued yet.
        null::numeric(14, 2) as invoiced,
        coalesce(sum(amounts.amount) filter (where amounts.measure = 'received'), 0)::numeric(14, 2) as received
    from amounts
    left join clients on amounts.client_id = clients.id
    group by amounts.client_id, clients.name, amounts.month, amounts.currency
)

select * from final
