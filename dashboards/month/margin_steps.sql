with

last_month as (
    select
        month,
        currency,
        accrued,
        labour_cost,
        ai_cost,
        margin
    from marts.agency_kpis
    where %(client)s::text is null and month = %(last_month)s
    union all
    select
        month,
        currency,
        accrued,
        labour_cost,
        ai_cost,
        margin
    from marts.client_margin
    where client_id = %(client)s and month = %(last_month)s
)

select
    steps.position,
    steps.step,
    steps.starts_at,
    steps.ends_at,
    steps.amount,
    last_month.month,
    last_month.currency
from last_month
cross join lateral (
    values
    (1, 'Accrued', 0, last_month.accrued, last_month.accrued),
    (2, 'Labour cost', last_month.accrued, last_month.accrued - last_month.labour_cost, -last_month.labour_cost),
    (3, 'AI cost', last_month.accrued - last_month.labour_cost, last_month.margin, -last_month.ai_cost),
    (4, 'Margin', 0, last_month.margin, last_month.margin)
) as steps (position, step, starts_at, ends_at, amount)
where steps.amount is not null
order by steps.position;
