with

-- Read twice, not once for both: each then takes its index, by developer and date and by developer and start.
earlier_entries as (
    select * from {{ ref('time_entries') }}
    where is_counted and developer_id is not null and end_time > start_time
),

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
    inner join later_entries as later on
        earlier.developer_id = later.developer_id
        and earlier.start_time <= later.start_time
        and earlier.end_time > later.start_time
        and (earlier.start_time < later.start_time or earlier.id < later.id)
        and earlier.client_id is distinct from later.client_id
)

select * from final
