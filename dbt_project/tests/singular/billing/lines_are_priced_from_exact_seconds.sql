-- A line of hours is its seconds × price × multiplier ÷ 3600, rounded once to the decimals of its currency; a fixed amount is its price, and an
-- adjustment the difference (rules 1.6, 7.23 and 10.4).
with

lines as (
    select * from {{ ref('invoice_prefill_lines') }}
),

currencies as (
    select * from {{ ref('stg_reference__currencies') }}
)

select
    lines.id,
    lines.currency,
    lines.quantity,
    lines.unit_price,
    lines.line_total
from lines
left join currencies on lines.currency = currencies.currency
where
    lines.line_total != round(
        case
            when lines.raw_time is null then lines.quantity * lines.unit_price
            else lines.billable_seconds * lines.unit_price * lines.rate_multiplier / 3600
        end,
        {{ decimals_of('currencies') }}
    )
    or lines.quantity != case
        when lines.basis = 'adjustment' and lines.line_total < 0 then -1
        when lines.raw_time is null then 1
        else round(lines.billable_seconds / 3600.0, 4)
    end
