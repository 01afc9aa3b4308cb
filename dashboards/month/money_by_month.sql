with

agency_months as (
    select
        month,
        currency,
        accrued,
        labour_cost,
        ai_cost,
        received
    from marts.agency_kpis
    where %(client)s::text is null
),

client_months as (
    select
        month,
        currency,
        accrued,
        labour_cost,
        ai_cost,
        received
    from marts.client_margin
    where client_id = %(client)s
),

months as (
    select * from agency_months
    union all
    select * from client_months
)

select
    months.month,
    months.month < %(this_month)s as is_complete,
    measures.measure,
    measures.amount,
    months.currency
from months
cross join lateral (
    values
    ('Accrued', months.accrued),
    ('Labour cost', case when months.labour_cost > 0 then months.labour_cost end),
    ('AI cost', months.ai_cost),
    ('Received', months.received)
) as measures (measure, amount)
where
    months.month between %(months_from)s and %(months_to)s
    and measures.amount is not null
order by months.month asc, measures.measure asc;
