with

records as (
    select * from {{ source('claude_code', 'unreadable_lines') }}
),

files as (
    select
        file_id,
        generation
    from {{ source('claude_code', 'files') }}
),

final as (
    select
        records.file_id,
        records.line_offset,
        records.record_index,
        records.path,
        records.byte_length,
        records.reason,
        records.sample,
        records.loaded_at
    from records
    inner join files
        on
            records.file_id = files.file_id
            and records.generation = files.generation
)

select * from final
