{{ config(
    materialized='incremental',
    incremental_strategy='changed_dates_of_time',
    on_schema_change='fail',
    indexes=[{'columns': ['time_entry_id'], 'unique': true}, {'columns': ['local_date']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

observed as (
    select * from {{ ref('int_time__decided_entries') }}
    where
        source = 'claude_session'
        and not_counted_reason is null
        and developer_id is not null
        and not counts_logged_elsewhere
        and {{ of_changed_dates(subject='time') }}
),

-- From all dates: an entry may run past midnight, and its date may differ from that of its times.
logged as (
    select
        developer_id,
        start_time,
        {{ logged_until() }} as end_time
    from {{ ref('int_time__decided_entries') }}
    where
        source != 'claude_session'
        and not_counted_reason is null
        and developer_id is not null
        and {{ logged_until() }} > start_time
),

segments as (
    select * from {{ ref('int_sessions__segments') }}
),

all_sessions as (
    select * from {{ ref('int_sessions__sessions') }}
),

directories as (
    select * from {{ ref('int_sessions__directories') }}
),

-- Joined on the UTC days that both touch: an equality join, because comparing every two entries of a person would be far too slow.
logged_days as (
    select
        logged.*,
        days.day::date as utc_date
    from logged
    cross join lateral generate_series(
        date_trunc('day', logged.start_time at time zone 'UTC'), logged.end_time at time zone 'UTC', interval '1 day'
    ) as days (day)
),

observed_days as (
    select
        observed.developer_id,
        observed.local_date,
        observed.start_time,
        observed.end_time,
        days.day::date as utc_date
    from observed
    cross join lateral generate_series(
        date_trunc('day', observed.start_time at time zone 'UTC'), observed.end_time at time zone 'UTC', interval '1 day'
    ) as days (day)
),

meetings as (
    select distinct
        observed_days.developer_id as person_key,
        observed_days.local_date,
        logged_days.start_time,
        logged_days.end_time
    from observed_days
    inner join logged_days
        on
            observed_days.developer_id = logged_days.developer_id
            and observed_days.utc_date = logged_days.utc_date
            and observed_days.start_time < logged_days.end_time
            and observed_days.end_time > logged_days.start_time
),

days as (
    select distinct
        person_key,
        local_date
    from meetings
),

spans as (
    select distinct
        person_key,
        {{ epoch_milliseconds('start_time') }} as start_ms,
        {{ epoch_milliseconds('end_time') }} as end_ms
    from meetings
),

-- Time is shared, so every session of the person that may reach into these days is read.
sessions as (
    select all_sessions.*
    from all_sessions
    where
        exists (
            select 1
            from days
            where
                days.person_key = all_sessions.person_key
                and days.local_date - interval '1 day' < {{ instant_of_milliseconds('all_sessions.last_ms') }}
                and days.local_date + interval '2 days' > {{ instant_of_milliseconds('all_sessions.first_ms') }}
        )
),

placed as (
    {{ placed_segments('days') }}
),

whole_shares as (
    {{ shared_time('placed') }}
),

logged_shares as (
    {{ shared_time('placed', within='spans') }}
),

shares as (
    select
        whole_shares.session_id,
        whole_shares.local_date,
        whole_shares.client_id,
        whole_shares.project_id,
        whole_shares.share,
        logged_shares.share as logged_share
    from whole_shares
    inner join logged_shares
        on
            whole_shares.session_id = logged_shares.session_id
            and whole_shares.start_ms = logged_shares.start_ms
),

summed as (
    select
        session_id,
        local_date,
        client_id,
        project_id,
        sum(share) as share,
        sum(logged_share) as logged_share
    from shares
    group by session_id, local_date, client_id, project_id
    having sum(logged_share) > 0
),

-- A second that begins within logged time is logged; an entry entirely within it loses all of its seconds, regardless of rounding.
final as (
    select
        observed.id as time_entry_id,
        observed.local_date,
        case
            when summed.logged_share = summed.share then observed.allocated_seconds
            else least(observed.allocated_seconds, ceil(summed.logged_share / (1000 * {{ share_scale() }})))
        end::bigint as logged_elsewhere_seconds
    from observed
    inner join summed
        on
            observed.session_id = summed.session_id
            and observed.local_date = summed.local_date
            and observed.client_id is not distinct from summed.client_id
            and observed.project_id is not distinct from summed.project_id
)

select * from final
