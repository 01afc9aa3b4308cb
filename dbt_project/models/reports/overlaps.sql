with

final as (
    select
        developer_id,
        local_date,
        time_entry_id,
        client_id,
        source,
        other_time_entry_id,
        other_client_id,
        other_source,
        overlap_start,
        overlap_end,
        overlap_seconds
    from {{ ref('int_reports__overlaps') }}
)

{{ with_hours(['overlap_seconds']) }}
