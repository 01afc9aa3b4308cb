-- Allocated seconds of a person's day = the union of the sessions' activity, floored (rule 12.1). The union is computed differently from the shares:
-- by merging ranges.
with

activity as (
    select
        sessions.person_key,
        {{ local_date(instant_of_milliseconds('segments.start_ms'), 'sessions.timezone') }} as local_date,
        range_agg(int8range(segments.start_ms, segments.end_ms)) as ranges
    from {{ ref('int_sessions__segments') }} as segments
    inner join {{ ref('int_sessions__sessions') }} as sessions on segments.session_id = sessions.session_id
    group by sessions.person_key, local_date
),

unions as (
    select
        activity.person_key,
        activity.local_date,
        sum(upper(spans.span) - lower(spans.span))::bigint / 1000 as union_seconds
    from activity
    cross join lateral unnest(activity.ranges) as spans (span)
    group by activity.person_key, activity.local_date
),

allocated as (
    select
        person_key,
        local_date,
        sum(allocated_seconds) as allocated_seconds
    from {{ ref('int_sessions__time_entries') }}
    group by person_key, local_date
)

select
    allocated.person_key,
    allocated.local_date,
    allocated.allocated_seconds,
    unions.union_seconds
from allocated
left join unions
    on
        allocated.person_key = unions.person_key
        and allocated.local_date = unions.local_date
where unions.union_seconds is distinct from allocated.allocated_seconds
