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
        lines.*,
        coalesce(relayed_answers.answer_id, lines.message_id) as answer_id
    from lines
    left join relayed_answers
        on
            lines.file_id = relayed_answers.file_id
            and lines.generation = relayed_answers.generation
            and lines.line_offset = relayed_answers.line_offset
            and lines.record_index = relayed_answers.record_index
)

select * from final
