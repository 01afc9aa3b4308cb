{{ config(materialized='view') }}

with

tool_calls as (
    select * from {{ ref('stg_claude_code__tool_calls') }}
),

relayed_answers as (
    select * from {{ ref('int_sessions__relayed_answers') }}
),

final as (
    select
        coalesce(relayed_answers.answer_id, tool_calls.message_id) as answer_id,
        -- A call appears in every copy of its answer's lines under the same id.
        coalesce(tool_calls.tool_use_id, {{ place_key('tool_calls') }} || ':' || tool_calls.block_index) as call_key,
        tool_calls.file_id,
        tool_calls.generation,
        tool_calls.line_offset,
        tool_calls.record_index,
        tool_calls.block_index,
        tool_calls.session_id,
        tool_calls.message_id,
        tool_calls.tool_use_id,
        tool_calls.tool_name,
        tool_calls.tool_input,
        tool_calls.called_at
    from tool_calls
    left join relayed_answers
        on
            tool_calls.file_id = relayed_answers.file_id
            and tool_calls.generation = relayed_answers.generation
            and tool_calls.line_offset = relayed_answers.line_offset
            and tool_calls.record_index = relayed_answers.record_index
)

select * from final
