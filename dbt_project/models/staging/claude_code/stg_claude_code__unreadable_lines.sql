with

records as (
    select * from {{ source('claude_code', 'unreadable_lines') }}
),

files as (
    select
        file_id::text as file_id,
        generation
    from {{ source('claude_code', 'files') }}
),

final as (
    select
        records.file_id::text as file_id,
        records.line_offset,
        records.record_index,
        records.path::text as path,
        records.byte_length,
        records.reason::text as reason,
        records.sample::text as sample,
        records.loaded_at
    from records
    inner join files
        on
            records.file_id = files.file_id
            and records.generation = files.generation
)

select * from final
