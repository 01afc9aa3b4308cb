with

source_rows as (
    select * from {{ source('reference', 'developers') }}
),

final as (
    select
        lower(trim(email)) as email,
        name,
        clockify_id,
        lower(github_username) as github_username,
        jira_account_id,
        timezone,
        coalesce(status, 'active') as status,
        row_number,
        row_key
    from source_rows
)

select * from final
