with

invoices as (
    select * from {{ source('invoicing', 'invoices') }}
    where is_live and status != 'draft'
),

lines as (
    select * from {{ source('invoicing', 'invoice_line_items') }}
),

line_entries as (
    select * from {{ source('invoicing', 'invoice_line_entries') }}
),

final as (
    select
        invoices.id as invoice_id,
        invoices.invoice_number,
        invoices.client_id,
        invoices.currency::text as currency,
        invoices.invoice_month,
        lines.id as line_id,
        lines.prefill_line_id,
        lines.basis,
        lines.contract_period_id,
        line_entries.time_entry_id,
        (line_entries.entry_snapshot ->> 'local_date')::date as local_date,
        line_entries.raw_seconds,
        line_entries.billable_seconds,
        coalesce(line_entries.amount, lines.line_total) as amount,
        -- An adjustment bills an earlier month (rule 10.4).
        coalesce((lines.billing_rule_snapshot ->> 'restated_month')::date, invoices.invoice_month) as billed_month,
        lines.billing_rule_snapshot -> 'amounts' as restated_amounts
    from invoices
    inner join lines on invoices.id = lines.invoice_id
    left join line_entries on lines.id = line_entries.line_id
)

select * from final
