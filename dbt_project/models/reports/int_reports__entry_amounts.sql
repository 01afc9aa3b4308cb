{{ config(materialized='table', indexes=[{'columns': ['time_entry_id']}, {'columns': ['unbilled_reason']}]) }}

with

line_entries as (
    select * from {{ ref('invoice_prefill_line_entries') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

-- In the smallest units of the currency.
lines as (
    select
        prefill_lines.*,
        power(10, {{ decimals_of('currencies') }})::integer as units,
        abs(prefill_lines.line_total * power(10, {{ decimals_of('currencies') }}))::bigint as cents
    from {{ ref('invoice_prefill_lines') }} as prefill_lines
    left join currencies on prefill_lines.currency = currencies.currency
),

unbilled as (
    select * from {{ ref('unbilled') }}
),

-- A line without seconds has no amount to share out.
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
        lines.unit_price * lines.rate_multiplier as rate,
        sign(lines.line_total) * coalesce({{ dealt('lines.cents', 'line_entries.billable_seconds * lines.cents',
            'nullif(lines.billable_seconds, 0)', 'lines.id', 'line_entries.time_entry_id') }}, 0)::numeric / lines.units as amount
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
        amount::numeric(14, 2) as amount,
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
)

select * from final
