with

records as (
    select * from {{ source('claude_code', 'prompts') }}
),

files as (
    select file_id::text as file_id
    from {{ source('claude_code', 'files') }}
),

{{ replaced_records('prompts', record_key('prompts')) }},

final as (
    select
        records.file_id::text as file_id,
        records.generation,
        records.line_offset,
        records.record_index,
        records.session_id::text as session_id,
        records.uuid::text as uuid,
        records.prompt_id::text as prompt_id,
        records.prompted_at,
        records.kind::text as kind,
        records.prompt_text::text as prompt_text,
        records.has_image,
        records.ticket_keys,
        records.cwd::text as cwd,
        records.git_branch::text as git_branch,
        coalesce(records.is_forked, false) as is_forked,
        records.loaded_at
    from records
    inner join files on records.file_id = files.file_id
    where {{ is_not_replaced() }}
)

select * from final
