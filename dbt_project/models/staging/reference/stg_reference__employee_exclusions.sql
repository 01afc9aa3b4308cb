with

source_rows as (
    {{ reference_rows('employee_exclusions') }}
),

final as (
    select
        trim(jira_account_id) as jira_account_id,
        type,
        valid_from,
        valid_to,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
