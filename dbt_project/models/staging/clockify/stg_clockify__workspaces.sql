with

source_rows as (
    select * from {{ source('clockify', 'workspaces') }}
),

final as (
    select
        id as workspace_id,
        name,
        upper(currency_code) as currency,
        loaded_at
    from source_rows
)

select * from final
