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

-- Time is shared, so every session of the person that may reach into these days is read.
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

placed as (
    {{ placed_segments('changed_days', every_day=is_full_build) }}
),

shares as (
    {{ shared_time('placed') }}
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
        -- Which milliseconds were active: after an edit, the same number of seconds may be at another time.
        sum(hash_record_extended((start_ms, end_ms), 0)::numeric) as activity_hash,
        -- The shares of an instant add up to one, so the day's shares sum to its union.
        div(round(sum(sum(share)) over (partition by person_key, local_date) / {{ share_scale() }}), 1000) as union_seconds
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
            'union_seconds', 'share', '(1000 * ' ~ share_scale() ~ ')', 'person_key, local_date',
            'session_id collate "C", client_id collate "C" nulls first, project_id collate "C" nulls first'
        ) }} as allocated_seconds,
        person_key,
        activity_hash
    from entries
)

select * from final
