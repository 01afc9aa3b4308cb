-- No entry is lost: each source has as many entries as rows (rule 12.1).
with

landed as (
    select
        'clockify' as source,
        count(*) as entries
    from {{ ref('stg_clockify__time_entries') }}
    union all
    select
        'tempo' as source,
        count(*) as entries
    from {{ ref('stg_tempo__worklogs') }}
    where '{{ var("worklog_route") }}' = 'tempo'
    having count(*) > 0
    union all
    select
        'tempo' as source,
        count(*) as entries
    from {{ ref('stg_clickhouse__worklogs') }}
    where '{{ var("worklog_route") }}' = 'clickhouse'
    having count(*) > 0
    union all
    select
        'manual' as source,
        count(*) as entries
    from {{ ref('stg_reference__work_logs') }}
    union all
    select
        'claude_session' as source,
        count(*) as entries
    from {{ ref('int_sessions__time_entries') }}
),

kept as (
    select
        source,
        count(*) as entries
    from {{ ref('time_entries') }}
    group by source
)

select
    landed.source,
    landed.entries as landed_entries,
    kept.entries as kept_entries
from landed
left join kept on landed.source = kept.source
where landed.entries != coalesce(kept.entries, 0)
