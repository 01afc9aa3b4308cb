with

freshness as (
    select max(age_seconds) / 86400.0 as oldest_days
    from (
        select min(age_seconds) as age_seconds
        from reports.data_freshness
        where last_changed_at is not null
        group by source
    ) as sources
),

hours as (
    select
        date_trunc('month', local_date)::date as month,
        sum(counted_seconds) as counted_seconds,
        coalesce(sum(counted_seconds) filter (where developer_id is null or client_id is null), 0)::bigint as unresolved_seconds
    from reports.employee_time
    where local_date between %(figures_from)s and %(today)s
    group by date_trunc('month', local_date)
),

answers as (
    select
        date_trunc('month', answered_at at time zone 'UTC')::date as month,
        count(*) as unpriced_answers
    from marts.session_messages
    where price_source is null
    group by date_trunc('month', answered_at at time zone 'UTC')
),

found as (
    select
        date_trunc('month', found_at at time zone 'UTC')::date as month,
        count(*) as set_aside
    from reports.set_aside
    group by date_trunc('month', found_at at time zone 'UTC')
),

suspicious as (
    select
        date_trunc('month', local_date)::date as month,
        count(*) as suspicious_entries
    from reports.suspicious_entries
    where local_date between %(figures_from)s and %(today)s
    group by date_trunc('month', local_date)
),

superseded as (
    select
        date_trunc('month', local_date)::date as month,
        sum(superseded_seconds)::bigint as superseded_seconds
    from reports.superseded
    where local_date between %(figures_from)s and %(today)s
    group by date_trunc('month', local_date)
),

months as (
    select months.month::date as month
    from generate_series(
        %(figures_from)s, %(this_month)s, interval '1 month'
    ) as months (month)
)

select
    null::date as month,
    true as is_complete,
    oldest_days,
    null::bigint as unresolved_seconds,
    null::numeric as unresolved_share,
    null::bigint as unpriced_answers,
    null::bigint as set_aside,
    null::bigint as suspicious_entries,
    null::bigint as superseded_seconds
from freshness
union all
select
    months.month,
    months.month < %(this_month)s,
    null,
    coalesce(hours.unresolved_seconds, 0),
    hours.unresolved_seconds / nullif(hours.counted_seconds, 0),
    coalesce(answers.unpriced_answers, 0),
    coalesce(found.set_aside, 0),
    coalesce(suspicious.suspicious_entries, 0),
    coalesce(superseded.superseded_seconds, 0)
from months
left join hours using (month)
left join answers using (month)
left join found using (month)
left join suspicious using (month)
left join superseded using (month)
order by month asc nulls first;
