with

changed_sessions as (
    select * from {{ ref('int_sessions__changed_sessions') }}
),

sessions as (
    select * from {{ ref('int_sessions__sessions') }}
),

-- The days of the sessions when the last run saw them, and their days now.
stays as (
    select
        person_key,
        first_ms,
        last_ms
    from changed_sessions
    union all
    select
        sessions.person_key,
        sessions.first_ms,
        sessions.last_ms
    from sessions
    inner join changed_sessions on sessions.session_id = changed_sessions.session_id
),

-- One day more on both sides, to cover any zone.
final as (
    select distinct
        stays.person_key,
        days.day::date as local_date
    from stays
    cross join
        lateral generate_series(
            ({{ instant_of_milliseconds('stays.first_ms') }} at time zone 'UTC')::date - 1,
            ({{ instant_of_milliseconds('stays.last_ms') }} at time zone 'UTC')::date + 1,
            interval '1 day'
        ) as days (day)
    where stays.person_key is not null
)

select * from final
