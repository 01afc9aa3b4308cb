{{ config(
    materialized='incremental',
    incremental_strategy='changed_bill_lines',
    on_schema_change='fail',
    indexes=[{'columns': ['line_id']}, {'columns': ['time_entry_id']}, {'columns': ['unbilled_reason']}],
) }}

with

line_entries as (
    select * from {{ ref('invoice_prefill_line_entries') }}
),

bill_lines as (
    select * from {{ ref('int_billing__bill_lines') }}
    where {{ of_changed_lines('int_billing__bill_lines', 'invoice_month', 'is_fixed_amount') }}
),

lines as (
    select invoice_prefill_lines.*
    from {{ ref('invoice_prefill_lines') }} as invoice_prefill_lines
    inner join bill_lines on invoice_prefill_lines.id = bill_lines.line_id
),

unbilled as (
    select * from {{ ref('unbilled') }}
),

-- Seconds that changed nothing of an invoiced bill.
without_effect as (
    select * from {{ ref('int_billing__restatements') }}
    where line_id is null and time_entry_id is not null
),

billed as (
    select
        line_entries.time_entry_id,
        lines.id as line_id,
        lines.client_id,
        lines.invoice_month,
        lines.currency,
        lines.basis,
        lines.line_type,
        lines.rate_tier,
        lines.rate_source,
        line_entries.raw_seconds,
        line_entries.billable_seconds,
        case when lines.basis != 'adjustment' then lines.unit_price * lines.rate_multiplier end as rate,
        line_entries.amount
    from line_entries
    inner join lines on line_entries.line_id = lines.id
),

final as (
    select
        time_entry_id,
        line_id,
        client_id,
        invoice_month,
        currency,
        basis,
        line_type,
        rate_tier,
        rate_source,
        raw_seconds,
        billable_seconds,
        rate::numeric(14, 4) as rate,
        amount,
        null::text as unbilled_reason
    from billed
    union all
    select
        time_entry_id,
        null as line_id,
        null as client_id,
        null as invoice_month,
        null as currency,
        null as basis,
        null as line_type,
        null as rate_tier,
        null as rate_source,
        seconds as raw_seconds,
        0 as billable_seconds,
        null as rate,
        null as amount,
        reason as unbilled_reason
    from unbilled
    union all
    select
        time_entry_id,
        null as line_id,
        client_id,
        restated_month as invoice_month,
        currency,
        'adjustment' as basis,
        'adjustment' as line_type,
        null as rate_tier,
        null as rate_source,
        raw_seconds,
        0 as billable_seconds,
        null as rate,
        0 as amount,
        null as unbilled_reason
    from without_effect
)

select * from final
