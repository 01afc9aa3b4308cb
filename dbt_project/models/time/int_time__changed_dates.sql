{{ config(
    indexes=[{'columns': ['local_date'], 'unique': true}],
    pre_hook="{{ allow_large_sorts() }}",
    post_hook="{{ forget_processed('int_changes__processed_time_dates', 'local_date') }}",
) }}

{#
    Read by name, as the last run left it: it is built after the tables that use this model, so dbt must not see a dependency. Where it is
    missing, or in a full refresh, every date has changed.
-#}
{%- set processed_dates = load_relation(this.incorporate(path={'identifier': 'int_changes__processed_time_dates'})) -%}
{#- As the last run left it, too: under which date an entry stands whose invoice was issued, canceled or credited since. -#}
{%- set known_entries = load_relation(this.incorporate(path={'schema': 'building', 'identifier': 'time_entries'})) -%}
{%- set is_known = processed_dates and not flags.FULL_REFRESH -%}
{#- Business decisions and name resolution: a few rows each, and a change in any of them may affect any date. -#}
{%- set rules = {
    'applications': ref('int_agreements__applications'),
    'billing_rules': ref('int_agreements__billing_rules'),
    'client_names': ref('int_identity__client_names'),
    'contract_names': ref('int_agreements__contract_names'),
    'contract_terms': ref('int_agreements__contract_terms'),
    'contracts': ref('int_agreements__contracts'),
    'developers': ref('int_identity__developers'),
    'exclusions': ref('int_agreements__exclusions'),
    'label_classes': ref('int_agreements__label_classes'),
    'policies': ref('int_agreements__time_policies'),
    'project_classes': ref('int_agreements__project_classes'),
    'project_terms': ref('int_agreements__project_terms'),
    'service_types': ref('stg_reference__service_types'),
    'value_map': ref('stg_reference__jira_value_map'),
} -%}
{%- set routes = {'tempo': ref('int_time__tempo_worklogs'), 'clickhouse': ref('int_time__mirror_worklogs')} -%}
{%- set parts = ['clockify_entries', 'worklogs', 'session_entries', 'work_logs', 'billed_entries'] -%}

with

clockify_entries as (
    select * from {{ ref('int_time__clockify_entries') }}
),

session_entries as (
    select * from {{ ref('int_sessions__time_entries') }}
),

-- Only of the route that bills.
routed_worklogs as (
    select * from {{ routes.clickhouse if var('worklog_route') == 'clickhouse' else routes.tempo }}
),

landed_worklogs as (
    select * from {{ ref('stg_tempo__worklogs') }}
),

logs_of_file as (
    select * from {{ ref('stg_reference__work_logs') }}
),

row_history as (
    select * from {{ ref('int_identity__row_history') }}
    where file = 'work_logs'
),

-- With their times as written in the file.
timed_work_logs as (
    select * from {{ ref('int_time__work_logs') }}
    where start_time is not null
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

-- Of the agency only its zone; the clock is no part of an entry.
agency as (
    select timezone from {{ ref('int_identity__agency') }}
),

-- With the times at which a worklog was created and changed in Tempo.
worklogs as (
    select
        routed_worklogs.*,
        landed_worklogs.created_at,
        landed_worklogs.updated_at
    from routed_worklogs
    left join landed_worklogs on routed_worklogs.tempo_worklog_id = landed_worklogs.tempo_worklog_id
),

-- As in the file, which is the largest of all: the result of int_time__work_logs follows from these rows and the rules below.
work_logs as (
    select
        logs_of_file.work_date as local_date,
        logs_of_file.work_log_id,
        logs_of_file.client,
        logs_of_file.contract,
        logs_of_file.service_type,
        logs_of_file.email,
        logs_of_file.start_time,
        logs_of_file.end_time,
        logs_of_file.duration_seconds,
        logs_of_file.work_location,
        logs_of_file.description,
        logs_of_file.is_billable,
        logs_of_file.row_key,
        logs_of_file.is_deleted,
        row_history.created_at,
        row_history.updated_at
    from logs_of_file
    left join row_history on logs_of_file.row_key = row_history.row_key
),

invoiced as (
    select
        time_entry_id,
        max(local_date) as local_date
    from {{ ref('stg_invoicing__invoiced') }}
    where time_entry_id is not null
    group by time_entry_id
    having sum(billable_seconds) > 0
),

-- That they are on an invoice is part of their status.
billed_entries as (
    select
        invoiced.time_entry_id,
        {{ 'coalesce(known_entries.local_date, invoiced.local_date)' if known_entries else 'invoiced.local_date' }} as local_date
    from invoiced
    {% if known_entries -%}
        left join {{ known_entries }} as known_entries on invoiced.time_entry_id = known_entries.id
    {%- endif %}
),

-- Hashed row by row, twice, as in int_engineering__changed_dates.
hashed_rows as (
    {% for part in parts %}
        select
            local_date,
            hashtextextended(hash_record_extended({{ part }}, 0)::text, {{ loop.index }}) as row_hash
        from {{ part }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

rules as (
    {{ fingerprint_of_rules(rules.items() | list + [('agency', 'agency')]) }}
),

-- Observed time does not count while time is logged (int_time__logged_elsewhere): an entry that runs past midnight, or whose
-- times are on another date than its own, affects that date too.
reaching_entries as (
    select distinct
        logged.local_date,
        {{ local_date('logged.start_time', 'coalesce(developers.timezone, agency.timezone)') }} as first_date,
        {{ local_date('logged.end_time', 'coalesce(developers.timezone, agency.timezone)') }} as last_date
    from (
        {% for part in ['clockify_entries', 'routed_worklogs', 'timed_work_logs'] %}
            select
                developer_id,
                local_date,
                start_time,
                {{ logged_until() }} as end_time
            from {{ part }}
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as logged
    cross join agency
    left join developers on logged.developer_id = developers.developer_id
    where logged.developer_id is not null and logged.end_time > logged.start_time
),

reached_dates as (
    select distinct
        reaching_entries.local_date,
        days.day::date as reached_date
    from reaching_entries
    cross join
        lateral generate_series(
            reaching_entries.first_date::timestamp, reaching_entries.last_date::timestamp, interval '1 day'
        ) as days (day)
    where days.day::date != reaching_entries.local_date
),

hashed_dates as (
    select
        local_date,
        count(*) as row_count,
        sum(row_hash) as row_hashes
    from hashed_rows
    where local_date is not null
    group by local_date
),

hashes_of_reaching_dates as (
    select
        reached_dates.reached_date as local_date,
        sum(hashed_dates.row_hashes) as row_hashes
    from reached_dates
    inner join hashed_dates on reached_dates.local_date = hashed_dates.local_date
    group by reached_dates.reached_date
),

fingerprints as (
    select
        hashed_dates.local_date,
        concat_ws(
            ':', hashed_dates.row_count, hashed_dates.row_hashes, hashes_of_reaching_dates.row_hashes, rules.fingerprint
        ) as fingerprint
    from hashed_dates
    cross join rules
    left join hashes_of_reaching_dates on hashed_dates.local_date = hashes_of_reaching_dates.local_date
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
