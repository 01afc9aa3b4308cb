with

files as (
    select * from {{ source('claude_code', 'files') }}
),

final as (
    select
        file_id,
        path,
        root_path,
        host,
        generation,
        size_bytes,
        read_offset,
        first_seen_at,
        loaded_at
    from files
)

select * from final
