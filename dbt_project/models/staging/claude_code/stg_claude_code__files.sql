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
        base_folder::text as base_folder,
        home_folder::text as home_folder,
        set_aside::text as set_aside,
        generation,
        size_bytes,
        read_offset,
        first_seen_at,
        loaded_at
    from files
)

select * from final
