{{ config(
    materialized='incremental',
    incremental_strategy='changed_bill_lines',
    on_schema_change='fail',
    indexes=[{'columns': ['line_id', 'time_entry_id'], 'unique': true}, {'columns': ['time_entry_id']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

bill_lines as (
    select * from {{ ref('int_billing__bill_lines') }}
    where {{ of_changed_lines('int_billing__bill_lines', 'invoice_month', 'is_fixed_amount') }}
),

line_entries as (
    select * from {{ ref('int_billing__line_entries') }}
),

invoiced as (
    select * from {{ ref('stg_invoicing__invoiced') }}
    where time_entry_id is not null
),

restatements as (
    select * from {{ ref('int_billing__restatements') }}
    where time_entry_id is not null and line_id is not null
),

-- As the lines are: as computed now, as invoiced, or a difference between the two.
final as (
    select
        line_entries.line_id,
        line_entries.time_entry_id,
        line_entries.raw_seconds,
        line_entries.billable_seconds,
        line_entries.amount
    from line_entries
    inner join bill_lines on line_entries.line_id = bill_lines.line_id
    where bill_lines.invoice_id is null
    union all
    select
        bill_lines.line_id,
        invoiced.time_entry_id,
        invoiced.raw_seconds,
        invoiced.billable_seconds,
        invoiced.amount
    from invoiced
    inner join bill_lines on coalesce(invoiced.prefill_line_id, invoiced.line_id) = bill_lines.line_id
    where bill_lines.invoice_id is not null
    union all
    select
        line_id,
        time_entry_id,
        raw_seconds,
        billable_seconds,
        amount
    from restatements
)

select * from final
