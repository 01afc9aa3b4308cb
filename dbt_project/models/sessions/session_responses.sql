{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['id'], 'unique': true},
        {'columns': ['session_id', 'timestamp']},
        {'columns': ['prompt_id']},
        {'columns': ['timestamp']},
        {'columns': ['message_id'], 'unique': true},
    ],
    pre_hook="{{ allow_large_sorts() }}",
    post_hook="{{ register_contested_identifiers('RSP', 'message_id') }}",
) }}

with

session_messages as (
    select * from {{ ref('session_messages') }}
    where {{ of_changed_sessions() }}
),

message_lines as (
    select * from {{ ref('int_sessions__answer_lines') }}
    where
        response_text is not null
        and {{ of_changed_sessions() }}
),

tool_call_lines as (
    select * from {{ ref('int_sessions__answer_calls') }}
    where {{ of_changed_sessions() }}
),

prompt_lines as (
    select
        lines.session_id,
        lines.prompted_at,
        coalesce(lines.prompt_id, lines.uuid, {{ place_key('lines') }}) as prompt_key
    from {{ ref('stg_claude_code__prompts') }} as lines
    where
        lines.prompted_at is not null
        and {{ of_changed_sessions() }}
),

session_prompts as (
    select * from {{ ref('session_prompts') }}
),

-- A prompt copied with its session still begins the turn there, although it counts in the session where it was first given.
prompts as (
    select
        prompt_lines.session_id,
        prompt_lines.prompted_at,
        session_prompts.id,
        row_number() over (order by prompt_lines.prompted_at, session_prompts.id) as number
    from prompt_lines
    inner join session_prompts on prompt_lines.prompt_key = session_prompts.prompt_key
),

in_time as (
    select
        session_id,
        prompted_at as at,
        number as prompt_number,
        null::text as message_id
    from prompts
    union all
    select
        session_id,
        answered_at as at,
        null as prompt_number,
        message_id
    from session_messages
    where answered_at is not null
),

-- The latest prompt so far, one of the same instant included.
turns as (
    select
        message_id,
        max(prompt_number) over (partition by session_id order by at) as prompt_number
    from in_time
),

answered_prompts as (
    select
        turns.message_id,
        prompts.id as prompt_id
    from turns
    inner join prompts on turns.prompt_number = prompts.number
    where turns.message_id is not null
),

-- Blocks of an answer are on separate lines, and again in every copy.
text_blocks as (
    select
        answer_id as message_id,
        response_text,
        min(answered_at) as first_at,
        min(line_offset) as first_line_offset
    from message_lines
    group by answer_id, response_text
),

texts as (
    select
        message_id,
        string_agg(response_text, E'\n\n' order by first_at, first_line_offset) as response_text
    from text_blocks
    group by message_id
),

calls as (
    select distinct on (message_hash, message_id, call_key)
        hashtextextended(answer_id, 0) as message_hash,
        answer_id as message_id,
        call_key,
        tool_use_id,
        tool_name,
        tool_input,
        called_at,
        line_offset,
        block_index
    from tool_call_lines
    order by message_hash, message_id, call_key, called_at, line_offset, record_index, block_index, file_id
),

calls_of_answers as (
    select
        message_id,
        jsonb_agg(
            jsonb_build_object('id', tool_use_id, 'name', tool_name, 'input', tool_input)
            order by called_at, line_offset, block_index, call_key
        ) as tool_calls
    from calls
    group by message_hash, message_id
),

rows_to_name as (
    select
        session_messages.message_id,
        session_messages.session_id,
        answered_prompts.prompt_id,
        session_messages.answered_at as timestamp,
        texts.response_text,
        session_messages.model,
        session_messages.input_tokens,
        session_messages.output_tokens,
        calls_of_answers.tool_calls
    from session_messages
    left join answered_prompts on session_messages.message_id = answered_prompts.message_id
    left join texts on session_messages.message_id = texts.message_id
    left join calls_of_answers on session_messages.message_id = calls_of_answers.message_id
),

{{ with_identifiers('rows_to_name', 'RSP', 'message_id', 'timestamp') }},

final as (
    select
        id,
        session_id,
        prompt_id,
        timestamp,
        response_text,
        model,
        input_tokens,
        output_tokens,
        tool_calls,
        message_id
    from identified
)

select * from final
