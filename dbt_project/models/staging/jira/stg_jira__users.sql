with

source_rows as (
    select * from {{ source('jira', 'users') }}
),

final as (
    select
        account_id,
        coalesce(account_type, 'atlassian') as account_type,
        name,
        lower(email) as email,
        coalesce(is_active, true) as is_active,
        timezone,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
