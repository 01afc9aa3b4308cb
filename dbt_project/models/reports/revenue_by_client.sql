with

amounts as (
    select * from {{ ref('int_money__amounts') }}
    where measure in ('accrued', 'invoiced', 'received') and client_id != {{ bench() }}
),

clients as (
    select * from {{ ref('clients') }}
),

-- As long as no invoice is issued, nothing is known of them, which is not 0.
invoicing as (
    select count(*) > 0 as has_begun
    from amounts
    where measure = 'invoiced'
),

final as (
    select
        amounts.client_id,
        clients.name as client,
        amounts.month,
        amounts.currency,
        coalesce(sum(amounts.amount) filter (where amounts.measure = 'accrued'), 0)::numeric(14, 2) as accrued,
        case
            when invoicing.has_begun then coalesce(sum(amounts.amount) filter (where amounts.measure = 'invoiced'), 0)
        end::numeric(14, 2) as invoiced,
        coalesce(sum(amounts.amount) filter (where amounts.measure = 'received'), 0)::numeric(14, 2) as received
    from amounts
    cross join invoicing
    left join clients on amounts.client_id = clients.id
    group by amounts.client_id, clients.name, amounts.month, amounts.currency, invoicing.has_begun
)

select * from final
