-- Subtotal is the sum of the rounded lines, total that and the tax (rules 7.28 and 12.1).
with

prefills as (
    select * from {{ ref('invoice_prefills') }}
),

lines as (
    select
        prefill_id,
        sum(line_total) as line_total
    from {{ ref('invoice_prefill_lines') }}
    group by prefill_id
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
)

select
    prefills.id,
    prefills.subtotal,
    lines.line_total
from prefills
full join lines on prefills.id = lines.prefill_id
left join currencies on prefills.currency = currencies.currency
where
    prefills.subtotal is distinct from coalesce(lines.line_total, 0)
    or prefills.tax != round(prefills.subtotal * prefills.tax_rate, {{ decimals_of('currencies') }})
    or prefills.total != prefills.subtotal + prefills.tax
