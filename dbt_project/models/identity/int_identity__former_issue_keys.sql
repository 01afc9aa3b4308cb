{{ config(materialized='view') }}

with

moved_issues as (
    select * from {{ ref('stg_jira__former_keys') }}
),

issues as (
    select * from {{ ref('stg_jira__issues') }}
),

former_project_keys as (
    select * from {{ ref('int_identity__former_project_keys') }}
),

-- When a project's key changes, its issues' keys change too and keep their numbers; Jira writes no changelog for that.
final as (
    select
        issue_id,
        issue_key,
        former_key,
        moved_at
    from moved_issues
    union all
    select
        issues.issue_id,
        issues.issue_key,
        former_project_keys.former_key || substring(issues.issue_key from '-[0-9]+$') as former_key,
        null::timestamptz as moved_at
    from issues
    inner join former_project_keys on issues.jira_project_id = former_project_keys.jira_project_id
    where
        issues.issue_key ~ '-[0-9]+$'
        and issues.issue_key != former_project_keys.former_key || substring(issues.issue_key from '-[0-9]+$')
        and not exists (
            select 1
            from moved_issues
            where moved_issues.former_key = former_project_keys.former_key || substring(issues.issue_key from '-[0-9]+$')
        )
)

select * from final
