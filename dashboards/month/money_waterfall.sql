with

currencies as (
    select
        currency,
        sum(time_amount) as hours,
        sum(fixed_amount) as fixed,
        sum(adjustment_amount) as adjusted,
        sum(accrued_amount) as accrued,
        sum(not_invoiced_amount) as not_invoiced,
        sum(tax_amount) as tax,
        sum(invoiced_total) as invoiced,
        sum(set_off_amount) as set_off,
        sum(written_off_amount) as written_off,
        sum(fee_amount) as fees,
        sum(open_amount) as still_open,
        sum(paid_amount) as paid
    from reports.invoice_waterfall
    where
        month = %(last_month)s
        and (%(client)s::text is null or client_id = %(client)s)
    group by currency
),

chosen as (
    select * from currencies
    where accrued <> 0 or invoiced <> 0
    order by accrued desc, currency asc
    limit 1
),

steps as (
    select
        steps.*,
        chosen.currency
    from chosen
    cross join lateral (
        values
        (1, 'Hours', false, hours),
        (2, 'Fixed amounts', false, fixed),
        (3, 'Adjustments', false, adjusted),
        (4, 'Accrued', true, accrued),
        (5, 'Not invoiced', false, -not_invoiced),
        (6, 'Tax', false, tax),
        (7, 'Invoiced with tax', true, invoiced),
        (8, 'Set off', false, -set_off),
        (9, 'Written off', false, -written_off),
        (10, 'Fees', false, -fees),
        (11, 'Still open', false, -still_open),
        (12, 'Paid', true, paid)
    ) as steps (position, step, is_total, amount)
),

sums as (
    select
        *,
        sum(amount) filter (where not is_total) over (order by position) as ends_at
    from steps
)

select
    position,
    step,
    is_total,
    case when is_total then 0 else ends_at - amount end as starts_at,
    case when is_total then amount else ends_at end as ends_at,
    amount,
    currency
from sums
where is_total or amount <> 0
order by position;
