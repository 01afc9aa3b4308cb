{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['prefill_id']},
    {'columns': ['client_id', 'invoice_month']},
    {'columns': ['invoice_month']},
    {'columns': ['application_id']},
    {'columns': ['contract_id']},
    {'columns': ['contract_period_id']},
    {'columns': ['billing_rule_id']},
    {'columns': ['project_id']},
    {'columns': ['issue_key']},
]) }}

with

lines as (
    select * from {{ ref('int_billing__bill_lines') }}
),

prefills as (
    select * from {{ ref('int_billing__prefills') }}
),

final as (
    select
        lines.line_id as id,
        prefills.prefill_id,
        lines.client_id,
        lines.currency,
        lines.invoice_month,
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
        case when not lines.is_fixed_amount then {{ clock_text('lines.raw_seconds') }} end as raw_time,
        lines.billable_seconds,
        case when not lines.is_fixed_amount then {{ clock_text('lines.billable_seconds') }} end as billable_time,
        lines.quantity,
        lines.unit_price,
        lines.rate_multiplier,
        lines.line_total,
        lines.rate_source,
        lines.billing_rule_snapshot,
        lines.logged_seconds,
        lines.observed_seconds
    from lines
    inner join prefills
        on
            lines.client_id = prefills.client_id
            and lines.currency = prefills.currency
            and lines.invoice_month = prefills.invoice_month
)

select * from final
