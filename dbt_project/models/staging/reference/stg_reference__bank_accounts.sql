with

source_rows as (
    select * from {{ source('reference', 'bank_accounts') }}
),

final as (
    select
        upper(currency) as currency,
        bank,
        account,
        bic,
        coalesce(means_code, '30') as means_code,
        row_number,
        row_key
    from source_rows
)

select * from final
