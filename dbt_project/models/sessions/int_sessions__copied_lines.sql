{{ config(
    materialized='incremental',
    incremental_strategy='changed_sessions',
    indexes=[{'columns': ['session_id']}],
    pre_hook="{{ allow_large_sorts() }}",
) }}

with

events as not materialized (
    select
        file_id,
        generation,
        line_offset,
        record_index,
        session_id,
        uuid,
        occurred_ms,
        is_forked
    from {{ ref('stg_claude_code__events') }}
    where
        uuid is not null
        and {{ of_changed_sessions() }}
),

-- Hashes find the few candidates in one pass without sorting; different ids with equal hashes are separated below.
shared_hashes as (
    select hashtextextended(uuid, 0) as uuid_hash
    from events
    group by uuid_hash
    having min(hashtextextended(session_id, 0)) <> max(hashtextextended(session_id, 0))
),

candidates as (
    select events.*
    from events
    inner join shared_hashes on hashtextextended(events.uuid, 0) = shared_hashes.uuid_hash
),

keepers as (
    select distinct on (uuid)
        uuid,
        session_id
    from candidates
    order by uuid, occurred_ms, is_forked, session_id collate "C"
),

final as (
    select
        candidates.file_id,
        candidates.generation,
        candidates.line_offset,
        candidates.record_index,
        candidates.uuid,
        candidates.session_id,
        keepers.session_id as kept_session_id
    from candidates
    inner join keepers on candidates.uuid = keepers.uuid
    where candidates.session_id <> keepers.session_id
)

select * from final
