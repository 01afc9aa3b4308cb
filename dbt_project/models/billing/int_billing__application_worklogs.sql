{{ config(materialized='incremental', incremental_strategy='changed_months', on_schema_change='fail') }}

{# How an application bills a worklog, before any price: billed seconds, off hours, line type, tier and multiplier. #}
with

entries as (
    select * from {{ ref('int_billing__routed_entries') }}
    where basis = 'application' and unbilled_reason is null and {{ of_changed_months() }}
),

applications as (
    select * from {{ ref('int_agreements__applications') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

calendar_rows as (
    select * from {{ ref('stg_reference__business_calendars') }}
),

holidays as (
    select distinct
        {{ natural_key('calendar') }} as calendar,
        holiday_date
    from {{ ref('stg_reference__holidays') }}
),

rate_multipliers as (
    select * from {{ ref('int_agreements__rate_multipliers') }}
),

-- An empty calendar means the agency's; with a calendar without rows, no worklog is off hours (rule 4.16).
calendars as (
    select
        {{ natural_key('calendar_rows.calendar') }} as calendar,
        min(coalesce(calendar_rows.timezone, agency.timezone)) as timezone
    from calendar_rows
    cross join agency
    group by {{ natural_key('calendar_rows.calendar') }}
),

-- opens is inclusive, closes exclusive; a weekday without a row is a weekend.
weekdays as (
    select
        {{ natural_key('calendar') }} as calendar,
        weekday,
        range_agg(int4range(extract(epoch from opens)::int, extract(epoch from closes)::int)) as open_seconds
    from calendar_rows
    group by {{ natural_key('calendar') }}, weekday
),

application_calendars as (
    select
        applications.application_id,
        applications.min_billable_seconds,
        calendars.calendar,
        calendars.timezone
    from applications
    cross join agency
    left join calendars
        on coalesce(nullif({{ natural_key('applications.calendar') }}, ''), {{ natural_key('agency.calendar') }}) = calendars.calendar
),

-- Local time in the calendar's zone; a date without a time keeps its date.
clocked as (
    select
        entries.*,
        application_calendars.calendar,
        greatest(entries.seconds, application_calendars.min_billable_seconds) as billable_seconds,
        coalesce((entries.start_time at time zone application_calendars.timezone)::date, entries.local_date) as calendar_date,
        floor(extract(epoch from (entries.start_time at time zone application_calendars.timezone)::time))::int as calendar_second
    from entries
    inner join application_calendars on entries.application_id = application_calendars.application_id
),

judged as (
    select
        clocked.*,
        clocked.calendar is not null and (
            holidays.calendar is not null
            or weekdays.calendar is null
            or coalesce(not weekdays.open_seconds @> clocked.calendar_second, false)
        ) as is_off_hours,
        coalesce(clocked.issue_type = 'Incident' and clocked.priority in ('P1', 'P2', 'P3'), false) as is_critical
    from clocked
    left join holidays on clocked.calendar = holidays.calendar and clocked.calendar_date = holidays.holiday_date
    left join weekdays on clocked.calendar = weekdays.calendar and extract(isodow from clocked.calendar_date) = weekdays.weekday
),

categorized as (
    select
        judged.*,
        case
            when judged.is_critical and judged.is_off_hours then 'incident_critical'
            when judged.is_critical then 'incident'
            when judged.issue_type = 'Meeting' then 'meeting'
            when judged.is_off_hours then 'off_hours'
            else 'task'
        end as line_type,
        case
            when judged.is_critical and judged.is_off_hours then 'p1_p3_off_hours'
            when judged.is_critical then 'p1_p3'
            when judged.is_off_hours then 'off_hours'
            else 'standard'
        end as rate_tier
    from judged
),

-- The multiplier in force on the worklog's date, looked up once for each client, tier and day.
tier_days as (
    select distinct
        client_id,
        rate_tier,
        local_date
    from categorized
),

candidates as (
    select
        tier_days.*,
        rate_multipliers.multiplier,
        rate_multipliers.preference,
        rate_multipliers.valid_from
    from tier_days
    inner join rate_multipliers
        on
            tier_days.client_id = rate_multipliers.client_id
            and tier_days.rate_tier = rate_multipliers.rate_tier
            and tier_days.local_date between rate_multipliers.valid_from and rate_multipliers.valid_to
    union all
    select
        tier_days.*,
        rate_multipliers.multiplier,
        rate_multipliers.preference,
        rate_multipliers.valid_from
    from tier_days
    inner join rate_multipliers
        on
            tier_days.rate_tier = rate_multipliers.rate_tier
            and tier_days.local_date between rate_multipliers.valid_from and rate_multipliers.valid_to
    where rate_multipliers.client_id is null
),

multipliers as (
    select distinct on (client_id, rate_tier, local_date)
        client_id,
        rate_tier,
        local_date,
        multiplier as rate_multiplier
    from candidates
    order by client_id asc, rate_tier asc, local_date asc, preference asc, valid_from desc
),

final as (
    select
        categorized.time_entry_id,
        categorized.application_id,
        categorized.client_id,
        categorized.project_id,
        categorized.issue_key,
        categorized.local_date,
        categorized.start_time,
        categorized.seconds,
        categorized.billable_seconds,
        categorized.is_off_hours,
        categorized.line_type,
        categorized.rate_tier,
        multipliers.rate_multiplier
    from categorized
    inner join multipliers
        on
            categorized.client_id = multipliers.client_id
            and categorized.rate_tier = multipliers.rate_tier
            and categorized.local_date = multipliers.local_date
)

select * from final
