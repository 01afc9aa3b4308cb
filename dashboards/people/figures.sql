with

months as (
    select
        month,
        sum(billable_seconds)::numeric / nullif(sum(available_seconds), 0) as utilization,
        sum(billable_seconds)::bigint as billable_seconds,
        sum(available_seconds)::bigint as available_seconds,
        count(*) filter (where counted_seconds > 0) as people
    from reports.utilization
    where
        month between %(figures_from)s and %(today)s
        and (%(person)s::text is null or developer_id = %(person)s)
    group by month
),

comparisons as (
    select
        date_trunc('month', local_date)::date as month,
        sum(logged_seconds)::bigint as logged_seconds,
        sum(observed_seconds)::bigint as observed_seconds
    from reports.logged_vs_observed
    where
        local_date between %(figures_from)s and %(today)s
        and (%(person)s::text is null or developer_id = %(person)s)
        and (%(client)s::text is null or client_id = %(client)s)
    group by date_trunc('month', local_date)
),

overlapping as (
    select
        date_trunc('month', local_date)::date as month,
        sum(overlap_seconds)::bigint as overlap_seconds
    from reports.overlaps
    where
        local_date between %(figures_from)s and %(today)s
        and (%(person)s::text is null or developer_id = %(person)s)
        and (%(client)s::text is null or %(client)s in (client_id, other_client_id))
    group by date_trunc('month', local_date)
)

select
    month,
    month < %(this_month)s as is_complete,
    months.utilization,
    (select max(agency_kpis.utilization_target) from marts.agency_kpis) as utilization_target,
    months.billable_seconds,
    months.available_seconds,
    months.people,
    comparisons.logged_seconds,
    comparisons.observed_seconds,
    coalesce(overlapping.overlap_seconds, 0) as overlap_seconds
from months
full join comparisons using (month)
left join overlapping using (month)
order by month;
