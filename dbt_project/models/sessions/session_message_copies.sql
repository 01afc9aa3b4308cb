{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    on_schema_change='fail',
    indexes=[
        {'columns': ['message_id', 'session_id'], 'unique': true},
        {'columns': ['session_id']},
        {'columns': ['kept_session_id']},
        {'columns': ['first_line_at']},
    ],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

lines as (
    select
        answer_id as message_id,
        session_id,
        answered_at,
        is_forked,
        output_tokens
    from {{ ref('int_sessions__answer_lines') }}
    where {{ of_changed_sessions() }}
),

session_messages as (
    select * from {{ ref('session_messages') }}
),

-- Hashes find the few candidates in one pass; different ids with equal hashes are separated below.
shared_hashes as (
    select hashtextextended(message_id, 0) as message_hash
    from lines
    group by message_hash
    having min(hashtextextended(session_id, 0)) <> max(hashtextextended(session_id, 0))
),

appearances as (
    select
        lines.message_id,
        lines.session_id,
        min(lines.answered_at) as first_line_at,
        bool_or(lines.is_forked) as is_forked,
        count(*) as lines,
        max(lines.output_tokens) as output_tokens
    from lines
    inner join shared_hashes on hashtextextended(lines.message_id, 0) = shared_hashes.message_hash
    group by lines.message_id, lines.session_id
),

final as (
    select
        appearances.message_id,
        appearances.session_id,
        session_messages.session_id as kept_session_id,
        case
            when appearances.is_forked then 'forked'
            when coalesce(appearances.first_line_at <> session_messages.answered_at, true) then 'later'
            else 'same_time'
        end as reason,
        appearances.first_line_at,
        appearances.lines,
        appearances.output_tokens
    from appearances
    inner join session_messages on appearances.message_id = session_messages.message_id
    where appearances.session_id <> session_messages.session_id
)

select * from final
