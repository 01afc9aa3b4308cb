{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[{'columns': ['session_id']}, {'columns': ['file_id', 'line_offset']}, {'columns': ['message_id']}],
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
        -- For a line without a message id, the source uses the line's own id or place.
        coalesce(message_id <> uuid, true) and not starts_with(message_id, file_id || ':') as has_id
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

-- The lines of an answer repeat its input counts: where these differ, a relay gave one id to several answers.
known_lines as (
    select
        *,
        case when has_id then message_id else '' end as given_id,
        concat_ws(
            ':', case when has_id then message_id else '' end, input_tokens, cache_read_tokens, cache_creation_tokens
        ) as known_by
    from lines
),

-- Lines of one answer, as far as a single file shows.
identified as (
    select
        known_lines.*,
        case
            when known_lines.request_id is not null
                then md5(concat_ws(chr(31), 'request', known_lines.message_id, known_lines.request_id))
            else md5(concat_ws(
                chr(31), 'turn', known_lines.file_id, known_lines.generation, known_lines.session_id,
                coalesce(known_lines.agent_id, ''), known_lines.is_sidechain, numbered.turn, known_lines.known_by
            ))
        end as local_answer
    from known_lines
    left join numbered
        on
            known_lines.file_id = numbered.file_id
            and known_lines.generation = numbered.generation
            and known_lines.line_offset = numbered.line_offset
            and known_lines.record_index = numbered.record_index
            and numbered.begins_turn = 0
),

-- A copy of a line has its id, or its time and counts where no request id distinguishes answers.
copy_marks as (
    select
        md5(concat_ws(chr(31), 'line', uuid, given_id)) as mark,
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
            -- Two files, or two versions of one file; within a file, a turn in between makes it another answer.
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

labels as (
    select distinct on (identified.local_answer)
        identified.local_answer,
        case
            when not identified.has_id or identified.message_id = identified.request_id then identified.message_id
            when identified.request_id is null
                then identified.message_id || ':' || coalesce(identified.uuid, {{ place_key('identified') }})
            else identified.message_id || ':' || identified.request_id
        end as label
    from identified
    order by
        identified.local_answer, identified.file_id, identified.generation, identified.line_offset, identified.record_index
),

labels_of_copies as (
    select
        copies.local_answer,
        labels.label
    from copies
    inner join labels on copies.linked_answer = labels.local_answer
),

united as (
    select
        local_answer,
        min(label collate "C") as label
    from labels_of_copies
    group by local_answer
),

labelled as (
    select
        identified.*,
        coalesce(united.label, labels.label) as label
    from identified
    inner join labels on identified.local_answer = labels.local_answer
    left join united on identified.local_answer = united.local_answer
),

answers as (
    select
        label,
        min(case when has_id then message_id else label end collate "C") as message_id,
        coalesce(min(answered_at), 'infinity') as first_at
    from labelled
    group by label
),

-- The first answer given under an id keeps it unchanged.
claims as (
    select
        message_id,
        first_at,
        label
    from answers
    {%- if is_incremental() %}
        union
        select
            message_id,
            first_at,
            label
        from {{ this }}
        where
            message_id in (select answers.message_id from answers)
            and not ({{ of_changed_sessions() }})
    {%- endif %}
),

first_claims as (
    select distinct on (message_id)
        message_id,
        label
    from claims
    order by message_id, first_at, label collate "C"
),

final as (
    select
        labelled.file_id,
        labelled.generation,
        labelled.line_offset,
        labelled.record_index,
        labelled.session_id,
        labelled.uuid,
        labelled.request_id,
        labelled.answered_at,
        answers.message_id,
        answers.first_at,
        answers.label,
        coalesce(first_claims.message_id, answers.label) as answer_id
    from labelled
    inner join answers on labelled.label = answers.label
    left join first_claims on answers.label = first_claims.label
)

select * from final
