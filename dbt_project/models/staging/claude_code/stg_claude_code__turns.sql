with

records as (
    select * from {{ source('claude_code', 'events') }}
),

final as (
    select
        file_id::text as file_id,
        generation,
        line_offset,
        record_index,
        session_id::text as session_id,
        agent_id::text as agent_id,
        coalesce(is_sidechain, false) as is_sidechain
    from records
    where kind in ('prompt', 'tool_result')
)

select * from final
