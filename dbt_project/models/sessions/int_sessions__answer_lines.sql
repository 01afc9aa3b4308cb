{{ config(materialized='view') }}

with

lines as (
    select * from {{ ref('stg_claude_code__messages') }}
    where not is_synthetic
),

relayed_answers as (
    select * from {{ ref('int_sessions__relayed_answers') }}
),

final as (
    select
        coalesce(relayed_answers.answer_id, lines.message_id) as answer_id,
        lines.file_id,
        lines.generation,
        lines.line_offset,
        lines.record_index,
        lines.session_id,
        lines.agent_id,
        lines.is_sidechain,
        lines.message_id,
        lines.request_id,
        lines.answered_at,
        lines.model,
        lines.input_tokens,
        lines.output_tokens,
        lines.cache_read_tokens,
        lines.cache_creation_tokens,
        lines.cache_creation_1h_tokens,
        lines.web_search_requests,
        lines.speed,
        lines.service_tier,
        lines.inference_geo,
        lines.line_cost_usd,
        lines.cwd,
        lines.is_forked,
        lines.response_text
    from lines
    left join relayed_answers
        on
            lines.file_id = relayed_answers.file_id
            and lines.generation = relayed_answers.generation
            and lines.line_offset = relayed_answers.line_offset
            and lines.record_index = relayed_answers.record_index
)

select * from final
