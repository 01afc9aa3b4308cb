with

records as (
    select * from {{ source('claude_code', 'prompts') }}
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
        records.session_id,
        records.uuid,
        records.prompt_id,
        records.prompted_at,
        records.kind,
        records.prompt_text,
        records.has_image,
        records.ticket_keys,
        records.cwd,
        records.git_branch,
        coalesce(records.is_forked, false) as is_forked,
        records.loaded_at
    from records
    inner join files
        on
            records.file_id = files.file_id
            and records.generation = files.generation
)

select * from final
