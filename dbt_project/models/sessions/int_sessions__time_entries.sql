{{ config(
    materialized='incremental',
    incremental_strategy='changed_days',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['session_id']},
        {'columns': ['developer_id', 'local_date']},
        {'columns': ['person_key', 'local_date']},
    ],
    pre_hook="{{ allow_large_sorts() }}",
) }}
{#- Divisible by every number up to 40, so that equal shares between so many sessions are whole numbers. -#}
{%- set share_scale = '5342931457063200::numeric' %}
{%- set is_full_build = (not is_incremental()) | lower %}

with

segments as (
    select * from {{ ref('int_sessions__segments') }}
),

changed_days as (
    select * from {{ ref('int_sessions__changed_days') }}
),

spans as (
    select
        person_key,
        min(local_date) as first_date,
        max(local_date) as last_date
    from changed_days
    group by person_key
),

-- Time is shared: every session of the person that may reach into the days.
sessions as (
    select all_sessions.*
    from {{ ref('int_sessions__sessions') }} as all_sessions
    where
        {{ is_full_build }}
        or exists (
            select 1
            from spans
            where
                spans.person_key = all_sessions.person_key
                and spans.first_date - interval '1 day' < {{ instant_of_milliseconds('all_sessions.last_ms') }}
                and spans.last_date + interval '2 days' > {{ instant_of_milliseconds('all_sessions.first_ms') }}
        )
),

directories as (
    select * from {{ ref('int_sessions__directories') }}
),

dated as (
    select
        segments.session_id,
        sessions.person_key,
        sessions.developer_id,
        {{ local_date(instant_of_milliseconds('segments.slot * ' ~ slot_milliseconds()), 'sessions.timezone') }} as local_date,
        segments.cwd,
        segments.start_ms,
        segments.end_ms
    from segments
    inner join sessions on segments.session_id = sessions.session_id
),

placed as (
    select
        dated.*,
        directories.client_id,
        directories.project_id
    from dated
    left join directories
        on
            dated.cwd = directories.cwd
            and dated.local_date >= directories.valid_from
            and dated.local_date < directories.valid_until
    where
        {{ is_full_build }}
        or exists (
            select 1
            from changed_days
            where
                changed_days.person_key = dated.person_key
                and changed_days.local_date = dated.local_date
        )
),

-- How many of a person's sessions are active from each instant on. A session's segments never overlap.
edges as (
    select
        person_key,
        at_ms,
        sum(step) as step
    from (
        select
            person_key,
            start_ms as at_ms,
            1 as step
        from placed
        union all
        select
            person_key,
            end_ms as at_ms,
            -1 as step
        from placed
    ) as steps
    group by person_key, at_ms
),

slices as (
    select
        person_key,
        at_ms,
        lead(at_ms) over in_time - at_ms as length_ms,
        sum(step) over in_time as active_sessions
    from edges
    window in_time as (partition by person_key order by at_ms)
),

-- A clock that runs at 1/n while n sessions are active: what it shows at a segment's end less what it shows at its start is the share.
clock as (
    select
        person_key,
        at_ms,
        coalesce(
            sum(case when active_sessions > 0 then length_ms * ({{ share_scale }} / active_sessions) else 0 end) over (
                partition by person_key order by at_ms rows between unbounded preceding and 1 preceding
            ),
            0
        ) as shared
    from slices
),

shares as (
    select
        placed.*,
        clock_end.shared - clock_start.shared as share
    from placed
    inner join clock as clock_start
        on
            placed.person_key = clock_start.person_key
            and placed.start_ms = clock_start.at_ms
    inner join clock as clock_end
        on
            placed.person_key = clock_end.person_key
            and placed.end_ms = clock_end.at_ms
),

candidates as (
    select
        person_key,
        local_date,
        session_id,
        developer_id,
        client_id,
        project_id,
        min(start_ms) as start_ms,
        max(end_ms) as end_ms,
        sum(end_ms - start_ms)::bigint / 1000 as duration_seconds,
        sum(share) as share,
        -- Of each instant all shares together are one: the day's shares are its union.
        div(round(sum(sum(share)) over (partition by person_key, local_date) / {{ share_scale }}), 1000) as union_seconds
    from shares
    group by person_key, local_date, session_id, developer_id, client_id, project_id
),

entries as (
    select
        *,
        'SES-' || session_id || '-' || to_char(local_date, 'YYYYMMDD') || '-' || coalesce(project_id, client_id, 'none') as id
    from candidates
    where duration_seconds > 0
),

final as (
    select
        -- One project under two clients within a day: the second entry names its client too.
        case
            when row_number() over (partition by id order by client_id collate "C") > 1 then id || '-' || coalesce(client_id, 'none')
            else id
        end as id,
        session_id,
        developer_id,
        client_id,
        project_id,
        local_date,
        {{ instant_of_milliseconds('start_ms') }} as start_time,
        {{ instant_of_milliseconds('end_ms') }} as end_time,
        duration_seconds,
        {{ dealt(
            'union_seconds', 'share', '(1000 * ' ~ share_scale ~ ')', 'person_key, local_date',
            'session_id collate "C", client_id collate "C" nulls first, project_id collate "C" nulls first'
        ) }} as allocated_seconds,
        person_key
    from entries
)

select * from final
