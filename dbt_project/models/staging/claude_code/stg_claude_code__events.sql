with

records as (
    select * from {{ source('claude_code', 'events') }}
),

files as (
    select file_id::text as file_id
    from {{ source('claude_code', 'files') }}
),

{{ replaced_records('events', record_key('events')) }},

final as (
    select
        records.file_id::text as file_id,
        records.generation,
        records.line_offset,
        records.record_index,
        records.session_id::text as session_id,
        records.agent_id::text as agent_id,
        coalesce(records.is_sidechain, false) as is_sidechain,
        records.uuid::text as uuid,
        records.occurred_at,
        {{ epoch_milliseconds('records.occurred_at') }} as occurred_ms,
        records.kind::text as kind,
        records.cwd::text as cwd,
        records.git_branch::text as git_branch,
        records.version::text as version,
        coalesce(records.is_forked, false) as is_forked,
        records.prompt_id::text as prompt_id,
        records.loaded_at
    from records
    inner join files on records.file_id = files.file_id
    where {{ is_not_replaced() }}
)

select * from final
