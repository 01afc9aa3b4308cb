{{ config(
    materialized='incremental',
    incremental_strategy='changed_lines',
    on_schema_change='fail',
    indexes=[{'columns': ['line_id']}, {'columns': ['time_entry_id']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

parts as (
    select * from {{ ref('int_billing__parts') }}
    where unbilled_reason is null and {{ of_changed_lines('int_billing__lines', 'invoice_month') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
),

-- In the smallest units of the currency.
lines as (
    select
        priced_lines.*,
        power(10, {{ decimals_of('currencies') }})::integer as units,
        abs(priced_lines.line_total * power(10, {{ decimals_of('currencies') }}))::bigint as cents
    from {{ ref('int_billing__lines') }} as priced_lines
    left join currencies on priced_lines.currency = currencies.currency
    where {{ of_changed_lines('int_billing__lines', 'priced_lines.invoice_month', 'priced_lines.is_fixed_amount') }}
),

entries as (
    select
        lines.line_id,
        parts.time_entry_id,
        lines.line_total,
        lines.units,
        lines.cents,
        lines.billable_seconds as seconds_of_line,
        sum(parts.raw_seconds)::bigint as raw_seconds,
        sum(parts.billable_seconds)::bigint as billable_seconds
    from parts
    inner join lines on parts.line_key = lines.line_key
    group by lines.line_id, parts.time_entry_id, lines.line_total, lines.units, lines.cents, lines.billable_seconds
),

-- A line without seconds has no amount to share out.
final as (
    select
        line_id,
        time_entry_id,
        raw_seconds,
        billable_seconds,
        (
            sign(line_total) * coalesce({{ dealt('cents', 'billable_seconds * cents', 'nullif(seconds_of_line, 0)', 'line_id',
                'time_entry_id') }}, 0)::numeric / units
        )::numeric(14, 2) as amount
    from entries
)

select * from final
