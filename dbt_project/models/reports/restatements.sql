with

restatements as (
    select * from {{ source('invoicing', 'restatements') }}
),

invoices as (
    select * from {{ ref('stg_invoicing__invoices') }}
),

-- Where the invoice that carried an adjustment is canceled or credited, the next bill carries it.
adjustments as (
    select
        settled.restatement_id,
        invoices.invoice_number
    from {{ source('invoicing', 'settled_restatements') }} as settled
    inner join {{ source('invoicing', 'invoice_line_items') }} as lines on settled.line_id = lines.id
    inner join invoices on lines.invoice_id = invoices.invoice_id
    where invoices.is_live
),

clients as (
    select * from {{ ref('clients') }}
),

entries as (
    select * from {{ ref('time_entries') }}
),

final as (
    select
        restatements.id,
        restatements.client_id,
        clients.name as client,
        restatements.invoice_month,
        invoices.invoice_number,
        restatements.time_entry_id,
        restatements.prefill_line_id,
        entries.local_date,
        entries.developer_id,
        entries.issue_key,
        entries.description,
        restatements.was_seconds,
        restatements.now_seconds,
        restatements.was_amount,
        restatements.now_amount,
        restatements.amount,
        restatements.currency::text as currency,
        restatements.found_at,
        case
            when adjustments.restatement_id is not null then 'billed'
            when invoices.is_live then 'waits'
            else 'void'
        end as state,
        adjustments.invoice_number as adjusted_by
    from restatements
    inner join invoices on restatements.invoice_id = invoices.invoice_id
    left join adjustments on restatements.id = adjustments.restatement_id
    left join clients on restatements.client_id = clients.id
    left join entries on restatements.time_entry_id = entries.id
)

{{ with_hours(['was_seconds', 'now_seconds']) }}
