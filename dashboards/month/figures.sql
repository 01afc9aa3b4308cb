with

agency_months as (
    select
        month,
        currency,
        billable_seconds,
        utilization,
        utilization_target,
        accrued,
        labour_cost,
        ai_cost,
        delivery_margin,
        received,
        work_in_progress as uninvoiced
    from marts.agency_kpis
    where %(client)s::text is null
),

client_hours as (
    select
        date_trunc('month', local_date)::date as month,
        sum(billable_seconds)::bigint as billable_seconds
    from reports.daily_time_by_project
    where client_id = %(client)s and developer_id is not null
    group by date_trunc('month', local_date)
),

client_months as (
    select
        client_margin.month,
        client_margin.currency,
        coalesce(client_hours.billable_seconds, 0) as billable_seconds,
        null::numeric as utilization,
        null::numeric as utilization_target,
        client_margin.accrued,
        client_margin.labour_cost,
        client_margin.ai_cost,
        client_margin.margin_share as delivery_margin,
        client_margin.received,
        null::numeric as uninvoiced
    from marts.client_margin
    left join client_hours on client_margin.month = client_hours.month
    where client_margin.client_id = %(client)s
),

months as (
    select * from agency_months
    union all
    select * from client_months
)

select
    month,
    month < %(this_month)s as is_complete,
    currency,
    billable_seconds,
    utilization,
    utilization_target,
    accrued,
    case when labour_cost > 0 then delivery_margin end as delivery_margin,
    ai_cost,
    ai_cost / nullif(labour_cost + ai_cost, 0) as ai_cost_share,
    received,
    uninvoiced
from months
where month <= %(today)s
order by month;
