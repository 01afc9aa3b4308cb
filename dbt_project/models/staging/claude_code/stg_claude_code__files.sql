with

files as (
    select * from {{ source('claude_code', 'files') }}
),

final as (
    select
        file_id::text as file_id,
        path::text as path,
        root_path::text as root_path,
        host::text as host,
        generation,
        size_bytes,
        read_offset,
        first_seen_at,
        loaded_at
    from files
)

select * from final
