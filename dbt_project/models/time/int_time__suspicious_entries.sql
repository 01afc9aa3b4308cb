{# An entry longer than this is likely a forgotten timer, or several days entered as one. #}
{% set longest_entry_seconds = 16 * 3600 %}
with

counted as (
    select
        id,
        source,
        person_key,
        developer_id,
        client_id,
        coalesce(client_id, '') as client_key,
        project_id,
        coalesce(issue_key, '') as issue_key,
        coalesce({{ natural_key('description') }}, '') as text_key,
        local_date,
        start_time,
        {{ logged_until() }} as end_time,
        allocated_seconds
    from {{ ref('int_time__reconciled_entries') }}
    where not_counted_reason is null
),

logged as (
    select
        *,
        -- Their order of start, then identifier.
        row_number() over (order by start_time, id collate "C") as number,
        first_value(id) over same_work as first_id,
        -- The latest end among the person's earlier entries for the client and issue.
        max(end_time) over (
            partition by person_key, client_key, issue_key
            order by start_time, id collate "C"
            rows between unbounded preceding and 1 preceding
        ) as reached
    from counted
    where source != 'claude_session'
    window same_work as (
        partition by person_key, client_id, project_id, issue_key, text_key, local_date, start_time, allocated_seconds
        order by id collate "C"
    )
),

-- Equal in person, client, project, issue, text, date, start and length.
repeated as (
    select
        id,
        first_id as other_id,
        true as is_same,
        allocated_seconds as doubtful_seconds
    from logged
    where id != first_id
),

-- Worklogs of different issues may have the time of day that Jira proposes, so they overlap without being duplicates.
overlapping as (
    select
        later.id,
        earlier.id as other_id,
        false as is_same,
        {{ seconds_between('later.start_time', 'least(earlier.end_time, later.end_time)') }} as doubtful_seconds
    from logged as later
    inner join logged as earlier
        on
            later.person_key = earlier.person_key
            and later.client_key = earlier.client_key
            and later.issue_key = earlier.issue_key
            and later.start_time < earlier.end_time
            and later.number > earlier.number
    where
        later.reached > later.start_time
        and later.end_time > later.start_time
        -- Already reported above, or with the entry that this one repeats.
        and later.id = later.first_id
        and earlier.id = earlier.first_id
),

findings as (
    select
        id,
        'possible_duplicate' as finding,
        other_id,
        is_same,
        doubtful_seconds
    from repeated
    union all
    select
        id,
        'possible_duplicate' as finding,
        other_id,
        is_same,
        doubtful_seconds
    from overlapping
    where doubtful_seconds > 0
    union all
    select
        id,
        'long_entry' as finding,
        null as other_id,
        null as is_same,
        allocated_seconds as doubtful_seconds
    from counted
    where allocated_seconds > {{ longest_entry_seconds }}
),

final as (
    select
        findings.id as time_entry_id,
        findings.finding,
        findings.other_id as other_time_entry_id,
        findings.is_same,
        findings.doubtful_seconds,
        counted.developer_id,
        counted.client_id,
        counted.project_id,
        counted.local_date
    from findings
    inner join counted on findings.id = counted.id
)

select * from final
