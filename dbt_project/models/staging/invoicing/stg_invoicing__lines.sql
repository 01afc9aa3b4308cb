with

lines as (
    select * from {{ source('invoicing', 'invoice_line_items') }}
),

invoices as (
    select * from {{ ref('stg_invoicing__invoices') }}
    where is_live
),

final as (
    select
        lines.id as line_id,
        lines.invoice_id,
        lines.prefill_line_id,
        lines.basis,
        lines.line_type,
        lines.rate_tier,
        lines.application_id,
        lines.contract_id,
        lines.contract_period_id,
        lines.billing_rule_id,
        lines.project_id,
        lines.issue_key,
        lines.description,
        lines.raw_seconds,
        lines.billable_seconds,
        lines.quantity,
        lines.unit_price,
        lines.rate_multiplier,
        lines.line_total,
        lines.rate_source,
        lines.billing_rule_snapshot
    from lines
    inner join invoices on lines.invoice_id = invoices.invoice_id
)

select * from final
