{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[{'columns': ['session_id']}, {'columns': ['file_id', 'line_offset']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with recursive

lines as (
    select
        file_id,
        generation,
        line_offset,
        record_index,
        session_id,
        agent_id,
        is_sidechain,
        uuid,
        message_id,
        request_id,
        answered_at,
        model,
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_creation_tokens,
        -- The source names a line without any id after the line itself.
        message_id is distinct from uuid and not starts_with(message_id, file_id || ':') as has_id
    from {{ ref('stg_claude_code__messages') }}
    where
        not has_vendor_id
        and not is_synthetic
        and {{ of_changed_sessions() }}
),

turns as (
    select * from {{ ref('stg_claude_code__turns') }}
    where {{ of_changed_sessions() }}
),

files as (
    select distinct file_id
    from lines
    where request_id is null
),

in_order as (
    select
        file_id,
        generation,
        session_id,
        agent_id,
        is_sidechain,
        line_offset,
        record_index,
        0 as begins_turn
    from lines
    where request_id is null
    union all
    select
        turns.file_id,
        turns.generation,
        turns.session_id,
        turns.agent_id,
        turns.is_sidechain,
        turns.line_offset,
        turns.record_index,
        1 as begins_turn
    from turns
    inner join files on turns.file_id = files.file_id
),

numbered as (
    select
        file_id,
        generation,
        line_offset,
        record_index,
        begins_turn,
        sum(begins_turn) over (
            partition by file_id, generation, session_id, agent_id, is_sidechain order by line_offset, record_index
        ) as turn
    from in_order
),

-- Lines of one answer as far as one file tells. A line without an id is known by its counts of input, which the lines of an answer repeat.
identified as (
    select
        lines.*,
        case when lines.has_id then lines.message_id else concat_ws(':', input_tokens, cache_read_tokens, cache_creation_tokens) end as known_by,
        case
            when lines.request_id is not null then md5(concat_ws(chr(31), 'request', lines.message_id, lines.request_id))
            else md5(concat_ws(
                chr(31), 'turn', lines.file_id, lines.generation, lines.session_id, coalesce(lines.agent_id, ''), lines.is_sidechain, numbered.turn,
                lines.has_id,
                case when lines.has_id then lines.message_id else concat_ws(':', input_tokens, cache_read_tokens, cache_creation_tokens) end
            ))
        end as local_answer
    from lines
    left join numbered
        on
            lines.file_id = numbered.file_id
            and lines.generation = numbered.generation
            and lines.line_offset = numbered.line_offset
            and lines.record_index = numbered.record_index
            and numbered.begins_turn = 0
),

-- A copy of a line bears its id, or its time and its counts where no request id tells answers apart.
copy_marks as (
    select
        md5(concat_ws(chr(31), 'line', uuid, known_by)) as mark,
        local_answer
    from identified
    where uuid is not null
    union
    select
        md5(concat_ws(
            chr(31), 'time', known_by, coalesce(model, ''), answered_at, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens
        )) as mark,
        local_answer
    from (
        select
            *,
            -- Two files, or two versions of one; within a file a turn in between makes another answer.
            min(file_id || '.' || generation) over same_time_and_counts
            <> max(file_id || '.' || generation) over same_time_and_counts as is_in_several_files
        from identified
        where
            request_id is null
            and answered_at is not null
        window same_time_and_counts as (
            partition by
                known_by, model, answered_at, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens
        )
    ) as timed
    where is_in_several_files
),

links as (
    select
        local_answer,
        first_answer
    from (
        select
            local_answer,
            min(local_answer) over (partition by mark) as first_answer
        from copy_marks
    ) as marked
    where local_answer <> first_answer
),

ways as (
    select
        local_answer,
        first_answer as linked_answer
    from links
    union
    select
        first_answer as local_answer,
        local_answer as linked_answer
    from links
),

copies as (
    select
        local_answer,
        local_answer as linked_answer
    from ways
    union
    select
        copies.local_answer,
        ways.linked_answer
    from copies
    inner join ways on copies.linked_answer = ways.local_answer
),

names as (
    select distinct on (local_answer)
        local_answer,
        case
            when request_id is null
                then case when has_id then message_id || ':' else '' end || coalesce(uuid, {{ place_key('identified') }})
            when message_id = request_id then message_id
            else message_id || ':' || request_id
        end as answer_id
    from identified
    order by local_answer, file_id, generation, line_offset, record_index
),

answers as (
    select
        copies.local_answer,
        min(names.answer_id collate "C") as answer_id
    from copies
    inner join names on copies.linked_answer = names.local_answer
    group by copies.local_answer
),

final as (
    select
        identified.file_id,
        identified.generation,
        identified.line_offset,
        identified.record_index,
        identified.session_id,
        identified.uuid,
        identified.request_id,
        identified.answered_at,
        coalesce(answers.answer_id, names.answer_id) as answer_id
    from identified
    inner join names on identified.local_answer = names.local_answer
    left join answers on identified.local_answer = answers.local_answer
)

select * from final
