{{ config(materialized='table', indexes=[{'columns': ['developer_id', 'local_date']}]) }}

with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null and end_time > start_time
),

-- In order of start an entry overlaps a later one only if it overlaps the next: of most entries nothing more is read.
earlier_entries as (
    select *
    from (
        select
            *,
            lead(start_time) over (partition by developer_id order by start_time, id) as next_start_time
        from entries
    ) as ordered
    where next_start_time < end_time
),

-- Read again, so that the index of developer and start finds what overlaps.
later_entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null and end_time > start_time
),

final as (
    select
        earlier.developer_id,
        earlier.local_date,
        earlier.id as time_entry_id,
        earlier.client_id,
        earlier.source,
        later.id as other_time_entry_id,
        later.client_id as other_client_id,
        later.source as other_source,
        later.start_time as overlap_start,
        least(earlier.end_time, later.end_time) as overlap_end,
        {{ seconds_between('later.start_time', 'least(earlier.end_time, later.end_time)') }} as overlap_seconds
    from earlier_entries as earlier
    cross join lateral (
        select
            later_entries.id,
            later_entries.client_id,
            later_entries.source,
            later_entries.start_time,
            later_entries.end_time
        from later_entries
        where
            later_entries.developer_id = earlier.developer_id
            and later_entries.start_time >= earlier.start_time
            and later_entries.start_time < earlier.end_time
            and (later_entries.start_time > earlier.start_time or later_entries.id > earlier.id)
            -- Sessions of one client may run in parallel: they share their time.
            and (
                later_entries.client_id is distinct from earlier.client_id
                or (later_entries.source != 'claude_session' and earlier.source != 'claude_session')
            )
        -- One index lookup per entry; a plain join would compare every two entries of a person.
        offset 0  -- noqa: AM09
    ) as later
)

select * from final
