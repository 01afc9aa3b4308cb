with

source_rows as (
    select * from {{ source('reference', 'accounts') }}
),

final as (
    select
        plaid_account_id,
        label,
        scope,
        account_type,
        institution,
        entity,
        row_number,
        row_key
    from source_rows
)

select * from final
