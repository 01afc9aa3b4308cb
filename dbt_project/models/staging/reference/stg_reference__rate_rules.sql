with

source_rows as (
    {{ reference_rows('rate_rules') }}
),

final as (
    select
        trim(client) as client,
        rate_tier,
        multiplier,
        valid_from,
        valid_to,
        row_number,
        row_key,
        is_deleted,
        deleted_at
    from source_rows
)

select * from final
