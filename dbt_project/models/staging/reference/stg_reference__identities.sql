with

source_rows as (
    select * from {{ source('reference', 'identities') }}
),

final as (
    select
        lower(trim(email)) as email,
        system,
        case when system in ('github', 'git_email') then lower(trim(native_id)) else trim(native_id) end as native_id,
        valid_from,
        valid_to,
        row_number,
        row_key
    from source_rows
)

select * from final
