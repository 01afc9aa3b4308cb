with

source_rows as (
    select * from {{ source('clockify', 'projects') }}
),

final as (
    select
        id as clockify_id,
        workspace_id,
        client_id as clockify_client_id,
        trim(name) as name,
        coalesce(archived, false) as is_archived,
        billable as is_billable,
        case when hourly_rate_amount > 0 then hourly_rate_amount / 100.0 end as hourly_rate,
        upper(hourly_rate_currency) as hourly_rate_currency,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        loaded_at
    from source_rows
)

select * from final
