with

running as (
    select
        contract_id,
        used_hours,
        allocated_hours,
        (%(today)s::date - period_start + 1)::numeric / (period_end - period_start + 1) as elapsed_share,
        period_end - period_start + 1 as days,
        %(today)s::date - period_start + 1 as days_over
    from reports.contract_status
    where %(client)s::text is null or client_id = %(client)s
),

state as (
    select
        count(*) as active_contracts,
        sum(used_hours) / nullif(sum(allocated_hours), 0) as used_share,
        sum(days_over)::numeric / nullif(sum(days), 0) as elapsed_share,
        round(3600 * sum(greatest(used_hours / elapsed_share - allocated_hours, 0)))::bigint as projected_overage_seconds
    from running
),

periods as (
    select
        date_trunc('month', contract_periods.period_end)::date as month,
        clients.currency,
        sum(contract_periods.overage_hours) as overage_hours,
        sum(contract_periods.total_overage_amount) as overage_amount,
        sum(contract_periods.remaining_hours) as remaining_hours
    from marts.contract_periods
    inner join marts.clients on contract_periods.client_id = clients.id
    where
        not contract_periods.is_deleted
        and contract_periods.period_end <= %(today)s
        and (%(client)s::text is null or contract_periods.client_id = %(client)s)
    group by date_trunc('month', contract_periods.period_end), clients.currency
),

alerts as (
    select
        date_trunc('month', reached_on)::date as month,
        count(*) as alerts
    from reports.contract_alerts
    where %(client)s::text is null or client_id = %(client)s
    group by date_trunc('month', reached_on)
),

-- Counts and hours of all currencies together, then amounts of each.
months as (
    select
        months.month::date as month,
        (select round(3600 * coalesce(sum(overage_hours), 0)) from periods where periods.month = months.month) as overage_seconds,
        (select round(3600 * coalesce(sum(remaining_hours), 0)) from periods where periods.month = months.month) as expired_seconds,
        coalesce(alerts.alerts, 0) as alerts
    from generate_series(
        %(figures_from)s, %(this_month)s, interval '1 month'
    ) as months (month)
    left join alerts on months.month = alerts.month
)

select
    null::date as month,
    true as is_complete,
    null::text as currency,
    active_contracts,
    used_share,
    elapsed_share,
    projected_overage_seconds,
    null::bigint as overage_seconds,
    null::numeric as overage_amount,
    null::bigint as expired_seconds,
    null::bigint as alerts
from state
union all
select
    month,
    month < %(this_month)s,
    null,
    null,
    null,
    null,
    null,
    overage_seconds,
    null,
    expired_seconds,
    alerts
from months
union all
select
    month,
    month < %(this_month)s,
    currency,
    null,
    null,
    null,
    null,
    null,
    overage_amount,
    null,
    null
from periods
where month >= %(figures_from)s
order by month asc nulls first, currency asc nulls first;
