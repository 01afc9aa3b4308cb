with

source_rows as (
    select * from {{ source('reference', 'time_policies') }}
),

final as (
    select
        lower(trim(email)) as email,
        trim(client) as client,
        {{ split_list('sources') }} as sources,
        valid_from,
        valid_to,
        row_number,
        row_key
    from source_rows
)

select * from final
