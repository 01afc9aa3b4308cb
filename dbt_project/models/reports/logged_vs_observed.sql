with

entries as (
    select * from {{ ref('time_entries') }}
    where is_counted or not_counted_reason in ('superseded', 'logged_elsewhere')
),

summed as (
    select
        developer_id,
        client_id,
        local_date,
        coalesce(sum(allocated_seconds) filter (where source = 'clockify'), 0) as clockify_seconds,
        coalesce(sum(allocated_seconds) filter (where source = 'tempo'), 0) as tempo_seconds,
        coalesce(sum(allocated_seconds) filter (where source = 'manual'), 0) as manual_seconds,
        coalesce(sum(allocated_seconds + logged_elsewhere_seconds) filter (where source = 'claude_session'), 0) as observed_seconds,
        sum(logged_elsewhere_seconds) as logged_elsewhere_seconds,
        sum(allocated_seconds) filter (where is_counted and source != 'claude_session') as counted_logged_seconds,
        min(source) filter (where is_counted) as counted_source
    from entries
    group by developer_id, client_id, local_date
),

-- Several sources may log the same day: use the one that counts, else the one with the most seconds.
judged as (
    select
        *,
        coalesce(counted_logged_seconds, greatest(clockify_seconds, tempo_seconds, manual_seconds)) as logged_seconds
    from summed
),

final as (
    select
        developer_id,
        client_id,
        local_date,
        logged_seconds::bigint as logged_seconds,
        observed_seconds::bigint as observed_seconds,
        (logged_seconds - observed_seconds)::bigint as difference_seconds,
        clockify_seconds::bigint as clockify_seconds,
        tempo_seconds::bigint as tempo_seconds,
        manual_seconds::bigint as manual_seconds,
        counted_source,
        logged_elsewhere_seconds::bigint as logged_elsewhere_seconds
    from judged
)

{{ with_hours([
    'logged_seconds', 'observed_seconds', 'difference_seconds', 'clockify_seconds', 'tempo_seconds', 'manual_seconds', 'logged_elsewhere_seconds'
]) }}
