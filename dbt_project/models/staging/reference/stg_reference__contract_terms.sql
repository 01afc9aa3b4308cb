with

source_rows as (
    select * from {{ source('reference', 'contract_terms') }}
),

final as (
    select
        trim(contract) as contract,
        monthly_hours,
        overage_rate,
        standard_rate,
        status,
        valid_from,
        row_number,
        row_key
    from source_rows
)

select * from final
