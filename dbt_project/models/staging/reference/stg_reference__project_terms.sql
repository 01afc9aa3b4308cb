with

source_rows as (
    select * from {{ source('reference', 'project_terms') }}
),

final as (
    select
        trim(project) as project,
        trim(client) as client,
        hourly_rate,
        trim(contract) as contract,
        valid_from,
        valid_to,
        row_number,
        row_key
    from source_rows
)

select * from final
