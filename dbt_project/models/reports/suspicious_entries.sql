with

findings as (
    select * from {{ ref('int_time__suspicious_entries') }}
),

entries as (
    select * from {{ ref('time_entries') }}
),

final as (
    select
        findings.developer_id,
        findings.client_id,
        findings.local_date,
        findings.finding,
        findings.time_entry_id,
        findings.other_time_entry_id,
        findings.is_same,
        findings.doubtful_seconds::bigint as doubtful_seconds,
        entries.source,
        entries.project_id,
        entries.issue_key,
        entries.description,
        entries.start_time,
        entries.end_time
    from findings
    inner join entries on findings.time_entry_id = entries.id
)

{{ with_hours(['doubtful_seconds']) }}
