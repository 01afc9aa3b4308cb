{{ config(indexes=[{'columns': ['id'], 'unique': true}, {'columns': ['clockify_id']}, {'columns': ['email']}, {'columns': ['status']}]) }}

with

developers as (
    select * from {{ ref('int_identity__developers') }}
),

final as (
    select
        developer_id as id,
        clockify_id,
        name,
        email,
        github_username,
        jira_account_id,
        timezone,
        status
    from developers
)

select * from final
