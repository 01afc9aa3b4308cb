with

records as (
    select * from {{ source('claude_code', 'tool_calls') }}
),

files as (
    select file_id::text as file_id
    from {{ source('claude_code', 'files') }}
),

{{ replaced_records('tool_calls', record_key('tool_calls')) }},

final as (
    select
        records.file_id::text as file_id,
        records.generation,
        records.line_offset,
        records.record_index,
        records.block_index,
        records.session_id::text as session_id,
        records.uuid::text as uuid,
        records.message_id::text as message_id,
        records.tool_use_id::text as tool_use_id,
        records.tool_name::text as tool_name,
        records.tool_input,
        records.called_at,
        records.loaded_at
    from records
    inner join files on records.file_id = files.file_id
    where {{ is_not_replaced() }}
)

select * from final
