with

source_rows as (
    select * from {{ source('reference', 'transaction_rules') }}
),

final as (
    select
        "order" as rule_order,
        {{ postgres_pattern('pattern') }} as pattern,
        account,
        category,
        set_type,
        trim(set_client) as set_client,
        trim(set_project) as set_project,
        set_scope,
        set_entity,
        row_number,
        row_key
    from source_rows
)

select * from final
