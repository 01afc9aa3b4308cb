with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted or not_counted_reason = 'superseded'
),

final as (
    select
        developer_id,
        client_id,
        local_date,
        string_agg(distinct source, ', ' order by source) filter (where is_counted) as counted_source,
        coalesce(sum(allocated_seconds) filter (where is_counted), 0)::bigint as counted_seconds,
        string_agg(distinct source, ', ' order by source) filter (where not is_counted) as superseded_sources,
        sum(allocated_seconds) filter (where not is_counted)::bigint as superseded_seconds
    from entries
    group by developer_id, client_id, local_date
    having bool_or(not is_counted)
)

{{ with_hours(['counted_seconds', 'superseded_seconds']) }}
