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
        coalesce(count_logged_elsewhere, false) as count_logged_elsewhere,
        row_number,
        row_key
    from source_rows
)

select * from final
