with

records as (
    select * from {{ source('claude_code', 'ticket_mentions') }}
),

files as (
    select file_id::text as file_id
    from {{ source('claude_code', 'files') }}
),

final as (
    select
        records.file_id::text as file_id,
        records.generation,
        records.line_offset,
        records.record_index,
        records.session_id::text as session_id,
        records.ticket_key::text as ticket_key,
        records.mentioned_at,
        records.origin::text as origin,
        regexp_replace(records.ticket_key::text, '-[0-9]+$', '') as project_key,
        records.loaded_at
    from records
    inner join files on records.file_id = files.file_id
)

select * from final
