with

source_rows as (
    select * from {{ source('reference', 'session_roots') }}
),

final as (
    select
        trim(path) as path,
        lower(trim(email)) as email,
        trim(host) as host,
        row_number,
        row_key
    from source_rows
)

select * from final
