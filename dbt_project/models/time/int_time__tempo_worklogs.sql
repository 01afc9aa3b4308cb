{{ config(materialized='view') }}

with

worklogs as (
    select * from {{ ref('stg_tempo__worklogs') }}
),

issue_projects as (
    select * from {{ ref('int_identity__issue_projects') }}
),

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

accounts as (
    select * from {{ ref('int_identity__accounts') }}
    where system = 'jira'
),

developers as (
    select * from {{ ref('int_identity__developers') }}
),

agency as (
    select * from {{ ref('int_identity__agency') }}
),

-- The day is startDate, even if the instant is on another date (rule 6.2).
timed as (
    select
        worklogs.*,
        developers.developer_id,
        coalesce(
            worklogs.started_at,
            (worklogs.start_date + worklogs.start_time_of_day::time) at time zone coalesce(developers.timezone, agency.timezone)
        ) as start_time
    from worklogs
    cross join agency
    left join accounts
        on
            worklogs.author_account_id = accounts.native_id
            and worklogs.start_date between accounts.valid_from and accounts.valid_to
    left join developers on accounts.developer_id = developers.developer_id
),

final as (
    select
        'TMP-' || timed.tempo_worklog_id as id,
        timed.tempo_worklog_id,
        timed.developer_id,
        coalesce(timed.developer_id, 'jira:' || timed.author_account_id) as person_key,
        issue_projects.project_ids,
        issue_projects.issue_key,
        issues.issue_type,
        issues.priority,
        issue_projects.labels,
        issue_projects.labels as application_labels,
        timed.description,
        timed.start_time,
        timed.start_time + make_interval(secs => timed.duration_seconds) as end_time,
        timed.duration_seconds,
        timed.start_date as local_date,
        timed.is_billable,
        timed.is_deleted,
        jsonb_strip_nulls(jsonb_build_object(
            'account_key', timed.account_key,
            'issue_id', case when issue_projects.issue_id is null then timed.issue_id end,
            'user_id', case when timed.developer_id is null then timed.author_account_id end
        )) as context
    from timed
    left join issue_projects on timed.issue_id = issue_projects.issue_id
    left join issues on timed.issue_id = issues.issue_id
)

select * from final
