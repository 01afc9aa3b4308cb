with

source_rows as (
    select * from {{ source('reference', 'jira_value_map') }}
),

final as (
    select
        kind,
        trim(value) as value,
        trim(meaning) as meaning,
        row_number,
        row_key
    from source_rows
)

select * from final
