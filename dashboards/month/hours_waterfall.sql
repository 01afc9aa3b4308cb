with

last_month as (
    select
        sum(logged_seconds) as logged,
        sum(not_counted_seconds) as not_counted,
        sum(non_billable_seconds) as non_billable,
        sum(unpriced_seconds) as unpriced,
        sum(rounding_seconds) as rounding,
        sum(rounded_seconds) as rounded
    from reports.invoice_waterfall
    where
        month = %(last_month)s
        and (%(client)s::text is null or client_id = %(client)s)
)

select
    steps.position,
    steps.step,
    steps.is_total,
    round(steps.starts_at / 3600.0, 2) as starts_at,
    round(steps.ends_at / 3600.0, 2) as ends_at,
    round(steps.seconds / 3600.0, 2) as hours
from last_month
cross join lateral (
    values
    (1, 'Logged', true, 0, logged, logged),
    (2, 'Not counted', false, logged, logged - not_counted, -not_counted),
    (3, 'Nobody pays', false, logged - not_counted, logged - not_counted - non_billable, -non_billable),
    (4, 'On no bill', false, rounded - rounding + unpriced, rounded - rounding, -unpriced),
    (5, 'Rounding', false, rounded - rounding, rounded, rounding),
    (6, 'Billed', true, 0, rounded, rounded)
) as steps (position, step, is_total, starts_at, ends_at, seconds)
where last_month.logged > 0
order by steps.position;
