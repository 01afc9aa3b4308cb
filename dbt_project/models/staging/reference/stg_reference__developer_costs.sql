with

source_rows as (
    select * from {{ source('reference', 'developer_costs') }}
),

final as (
    select
        lower(trim(email)) as email,
        cost_rate,
        monthly_cost,
        upper(currency) as currency,
        valid_from,
        valid_to,
        row_number,
        row_key
    from source_rows
)

select * from final
