with

source_rows as (
    select * from {{ source('reference', 'payment_fees') }}
),

final as (
    select
        {{ postgres_pattern('pattern') }} as pattern,
        account,
        upper(currency) as currency,
        coalesce(fixed_fee, 0) as fixed_fee,
        coalesce(fee_share, 0) as fee_share,
        coalesce(is_processor, false) as is_processor,
        row_number,
        row_key
    from source_rows
)

select * from final
