{{ config(indexes=[
    {'columns': ['day'], 'unique': true},
    {'columns': ['week']},
    {'columns': ['month']},
    {'columns': ['quarter']},
]) }}

with

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

calendar_rows as (
    select * from {{ ref('stg_reference__business_calendars') }}
),

holiday_rows as (
    select * from {{ ref('stg_reference__holidays') }}
),

weekdays as (
    select
        calendar_rows.weekday,
        sum(extract(epoch from calendar_rows.closes - calendar_rows.opens))::bigint as open_seconds
    from calendar_rows
    inner join agency on {{ natural_key('calendar_rows.calendar') }} = {{ natural_key('agency.calendar') }}
    group by calendar_rows.weekday
),

holidays as (
    select
        holiday_rows.holiday_date,
        string_agg(holiday_rows.name, ', ' order by holiday_rows.name) as name
    from holiday_rows
    inner join agency on {{ natural_key('holiday_rows.calendar') }} = {{ natural_key('agency.calendar') }}
    group by holiday_rows.holiday_date
),

days as (
    select series.day::date as day
    from agency
    cross join generate_series(
        '2000-01-01'::date, date_trunc('year', agency.as_of_date) + interval '3 years - 1 day', interval '1 day'
    ) as series (day)
),

final as (
    select
        days.day,
        date_trunc('week', days.day)::date as week,
        {{ month_of('days.day') }} as month,
        date_trunc('quarter', days.day)::date as quarter,
        extract(isodow from days.day)::integer as weekday,
        (weekdays.weekday is not null and holidays.holiday_date is null) as is_working_day,
        holidays.name as holiday,
        case when holidays.holiday_date is null then coalesce(weekdays.open_seconds, 0) else 0 end::bigint as working_seconds
    from days
    left join weekdays on extract(isodow from days.day) = weekdays.weekday
    left join holidays on days.day = holidays.holiday_date
)

select * from final
