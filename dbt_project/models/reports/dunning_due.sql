with

aging as (
    select * from {{ ref('ar_aging') }}
    where is_latest
),

levels as (
    select * from {{ ref('stg_reference__dunning_levels') }}
),

disputes as (
    select distinct on (invoice_id)
        invoice_id,
        event_type = 'disputed' as is_disputed
    from {{ ref('stg_invoicing__events') }}
    where event_type in ('disputed', 'dispute_ended')
    order by invoice_id asc, event_id desc
),

-- What a client has paid or is owed counts against what is overdue.
balances as (
    select
        client_id,
        currency,
        sum(open_amount) filter (where days_past_due > 0 or bucket = 'unapplied') as overdue_amount
    from aging
    group by client_id, currency
),

reached as (
    select distinct on (aging.invoice_id)
        aging.*,
        levels.level,
        levels.title,
        levels.days_past_due as level_days,
        levels.minimum_amount
    from aging
    inner join levels on aging.days_past_due >= levels.days_past_due
    left join disputes on aging.invoice_id = disputes.invoice_id
    where
        aging.bucket != 'unapplied'
        and not coalesce(disputes.is_disputed, false)
    order by aging.invoice_id asc, levels.days_past_due desc, levels.level desc
),

final as (
    select
        reached.client_id,
        reached.client,
        reached.invoice_id,
        reached.invoice_number,
        reached.currency,
        reached.due_date,
        reached.days_past_due,
        reached.open_amount,
        balances.overdue_amount::numeric(14, 2) as overdue_amount,
        reached.level,
        reached.title,
        reached.due_date + reached.level_days::integer as due_since
    from reached
    inner join balances
        on
            reached.client_id = balances.client_id
            and reached.currency = balances.currency
    where
        balances.overdue_amount > 0
        and balances.overdue_amount >= reached.minimum_amount
)

select * from final
