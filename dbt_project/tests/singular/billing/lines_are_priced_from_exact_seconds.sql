-- A line of hours is its seconds × price × multiplier ÷ 3600, rounded once; a fixed amount is its price (rules 1.6 and 7.23).
select
    id,
    quantity,
    unit_price,
    line_total
from {{ ref('invoice_prefill_lines') }}
where
    line_total != case
        when raw_time is null then unit_price
        else round(billable_seconds * unit_price * rate_multiplier / 3600, 2)
    end
    or quantity != case when raw_time is null then 1 else round(billable_seconds / 3600.0, 4) end
