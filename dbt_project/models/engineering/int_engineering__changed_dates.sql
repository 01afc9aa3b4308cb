{{ config(
    indexes=[{'columns': ['local_date'], 'unique': true}],
    post_hook="{{ forget_processed('int_changes__processed_engineering_dates', 'local_date') }}",
) }}

{#
    Read by name, as the last run left it: it is built after the tables that use this model, so dbt must not see a dependency. Where it is
    missing, or in a full refresh, every date has changed.
-#}
{%- set processed_dates = load_relation(this.incorporate(path={'identifier': 'int_changes__processed_engineering_dates'})) -%}
{%- set is_known = processed_dates and not flags.FULL_REFRESH -%}

with

session_cells as (
    select * from {{ ref('int_engineering__session_cells') }}
),

session_tickets as (
    select * from {{ ref('session_tickets') }}
),

entries as (
    select * from {{ ref('time_entries') }}
),

present_keys as (
    select * from {{ ref('int_engineering__issue_keys') }}
),

commits as (
    select * from {{ ref('commits') }}
    where is_reachable and not is_merge and not is_bot
),

pull_requests as (
    select * from {{ ref('pull_requests') }}
    where not is_bot
),

session_dates as (
    select distinct
        session_id,
        local_date
    from session_cells
),

tickets as (
    select
        session_dates.local_date,
        session_tickets.session_id,
        session_tickets.ticket_key,
        present_keys.issue_key
    from session_dates
    inner join session_tickets on session_dates.session_id = session_tickets.session_id
    left join present_keys on session_tickets.ticket_key = present_keys.key
),

worked_time as (
    select
        entries.local_date,
        entries.id,
        entries.developer_id,
        entries.client_id,
        entries.start_time,
        entries.end_time,
        entries.allocated_seconds,
        entries.is_counted,
        entries.not_counted_reason,
        entries.issue_key,
        present_keys.issue_key as present_key
    from entries
    left join present_keys on entries.issue_key = present_keys.key
),

commits_made as (
    select
        local_date,
        id,
        developer_id,
        client_id,
        authored_at,
        committed_at
    from commits
),

requests_opened as (
    select
        opened_date as local_date,
        id,
        developer_id,
        client_id,
        opened_at
    from pull_requests
),

requests_merged as (
    select
        merged_date as local_date,
        id,
        developer_id,
        client_id,
        merged_at,
        additions,
        deletions
    from pull_requests
),

-- Everything that a date's rows in daily_overlay and productivity_triangle are built from, hashed row by row. Twice, because a record's hash is a
-- weighted sum of its columns': where two rows change places in one column, the sum of such hashes stays what it was.
hashed_rows as (
    {% for part in ['session_cells', 'tickets', 'worked_time', 'commits_made', 'requests_opened', 'requests_merged'] %}
        select
            local_date,
            hashtextextended(hash_record_extended({{ part }}, 0)::text, 0) as row_hash
        from {{ part }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

fingerprints as (
    select
        local_date,
        count(*) || ':' || sum(row_hash) as fingerprint
    from hashed_rows
    where local_date is not null
    group by local_date
),

processed_dates as (
    select
        local_date,
        fingerprint
    from {{ processed_dates if is_known else 'fingerprints' }}
    where {{ 'true' if is_known else 'false' }}
),

final as (
    select
        fingerprints.local_date,
        fingerprints.fingerprint,
        coalesce(processed_dates.fingerprint != fingerprints.fingerprint, true) as is_changed
    from fingerprints
    left join processed_dates on fingerprints.local_date = processed_dates.local_date
)

select * from final
