{{ config(post_hook="{{ forget_processed_inputs() }}") }}

{#
    The tables below are read by name, as the last run left them: they are built after this one, so dbt must not see a dependency.
    If the first of them is missing, nothing has been built and every model builds in full, as in a full refresh.
-#}
{%- set processed_inputs = load_relation(this.incorporate(path={'identifier': 'int_changes__processed_session_inputs'})) -%}
{%- set copied_lines = load_relation(this.incorporate(path={'identifier': 'int_sessions__copied_lines'})) -%}
{%- set relayed_answers = load_relation(this.incorporate(path={'identifier': 'int_sessions__relayed_answers'})) -%}
{%- set contexts = load_relation(this.incorporate(path={'identifier': 'int_sessions__contexts'})) -%}
{%- set sessions = load_relation(this.incorporate(path={'identifier': 'int_sessions__sessions'})) -%}
{%- set session_messages = load_relation(this.incorporate(path={'schema': 'building', 'identifier': 'session_messages'})) -%}
{%- set copies = load_relation(this.incorporate(path={'schema': 'building', 'identifier': 'session_message_copies'})) -%}
{#- Spelled out, so that dbt sees the dependencies when it parses. -#}
{%- set inputs = ref('int_sessions__inputs') -%}
{%- set records = {
    'events': ref('stg_claude_code__events'),
    'messages': ref('stg_claude_code__messages'),
    'prompts': ref('stg_claude_code__prompts'),
    'tool_calls': ref('stg_claude_code__tool_calls'),
    'ticket_mentions': ref('stg_claude_code__ticket_mentions'),
} -%}

{%- set is_first_run = flags.FULL_REFRESH or not copied_lines -%}
{%- set was_complete = processed_inputs and relayed_answers and contexts and sessions and session_messages and copies -%}
{%- set changed_inputs -%}
    select
        coalesce(inputs.kind, processed_inputs.kind) as kind,
        coalesce(inputs.key, processed_inputs.key) as key,
        processed_inputs.fingerprint as previous_fingerprint,
        inputs.fingerprint
    from {{ inputs }} as inputs
    full outer join {{ processed_inputs }} as processed_inputs
        on
            inputs.kind = processed_inputs.kind
            and inputs.key = processed_inputs.key
    where inputs.fingerprint is distinct from processed_inputs.fingerprint
{%- endset -%}
{#- What changed decides which of the tables are read. -#}
{%- set changed_kinds = [] -%}
{%- if execute and was_complete and not is_first_run -%}
    {%- set changed_kinds = run_query('select distinct kind from (' ~ changed_inputs ~ ') as changed_inputs').columns[0].values() -%}
{%- endif -%}

{%- if not is_first_run and not was_complete -%}

{# The last run failed before it had built everything once: what it did build is rebuilt. #}
select
    session_id,
    null::text as person_key,
    null::bigint as first_ms,
    null::bigint as last_ms
from (
    {%- for table in records.values() %}
    select session_id from {{ table }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
) as all_sessions

{%- elif changed_kinds | length == 0 -%}

    select
        null::text as session_id,
        null::text as person_key,
        null::bigint as first_ms,
        null::bigint as last_ms
    where false

{%- else -%}

with recursive

changed_inputs as (
{{ changed_inputs }}
),

-- The byte from which a file's lines are new: 0 if the file is new or rewritten.
changed_files as (
    select
        key as file_id,
        split_part(fingerprint, ':', 1) is distinct from split_part(previous_fingerprint, ':', 1) as is_rewritten,
        case
            when split_part(fingerprint, ':', 1) is distinct from split_part(previous_fingerprint, ':', 1) then 0
            else least(split_part(previous_fingerprint, ':', 2)::bigint, split_part(fingerprint, ':', 2)::bigint)
        end as from_offset
    from changed_inputs
    where kind = 'file'
),

-- Loads come one after another: nothing new is older than the newest load that the last run saw. Raw tables may have an index on it.
last_load as (
    select coalesce(max(loaded_at), '-infinity') as loaded_at from {{ processed_inputs }}
),

{% for name, table in records.items() -%}
new_{{ name }} as (
    select
        records.*,
        changed_files.is_rewritten
    from {{ table }} as records
    inner join changed_files
        on
            records.file_id = changed_files.file_id
            and records.line_offset >= changed_files.from_offset
    where records.loaded_at >= (select last_load.loaded_at from last_load)
),

{% endfor -%}
touched as (
    {%- for name in records %}
    select session_id from new_{{ name }}
    union
    {%- endfor %}
    -- Lines that a rewritten file held before.
    select contexts.session_id
    from {{ contexts }} as contexts
    inner join changed_files on contexts.file_id = changed_files.file_id
    where changed_files.is_rewritten
    -- Answers that take over an id which the file's first answer may have lost.
    union
    select heirs.session_id
    from {{ relayed_answers }} as relayed_answers
    inner join changed_files on relayed_answers.file_id = changed_files.file_id
    cross join
        lateral (
            select others.session_id
            from {{ relayed_answers }} as others
            where
                others.message_id = relayed_answers.message_id
                and others.label <> relayed_answers.label
            order by others.first_at, others.label collate "C"
            limit 1
        ) as heirs
    where
        changed_files.is_rewritten
        and relayed_answers.answer_id = relayed_answers.message_id
    {%- if 'model' in changed_kinds %}
    union
    select session_messages.session_id
    from {{ session_messages }} as session_messages
    inner join changed_inputs on session_messages.model = changed_inputs.key
    where changed_inputs.kind = 'model'
    {%- endif %}
    {%- if 'owner' in changed_kinds %}
    union
    select contexts.session_id
    from {{ contexts }} as contexts
    inner join changed_inputs on contexts.file_id = changed_inputs.key
    where changed_inputs.kind = 'owner'
    {%- endif %}
    {%- if 'rule' in changed_kinds %}
    union
    select session_id from {{ sessions }}
    {%- endif %}
),

-- Several sessions with one promptId share one prompt.
prompts as (
    select
        session_id,
        hashtextextended(coalesce(prompt_id, uuid), 0) as prompt_hash
    from {{ records['prompts'] }}
    where prompt_id is not null or uuid is not null
),

shared_prompts as (
    select
        prompt_hash,
        min(session_id) as session_id
    from prompts
    group by prompt_hash
    having min(hashtextextended(session_id, 0)) <> max(hashtextextended(session_id, 0))
),

-- All lines are scanned once; as a separate condition, or the planner would sort the whole history to join it.
lines_of_new_files as materialized (
    select
        session_id,
        uuid
    from {{ records['events'] }}
    where (uuid in (select new_events.uuid from new_events where new_events.is_rewritten)) is true
),

-- For sessions with copies of the same lines, answers or prompts, which session keeps them is decided together.
links as (
    select
        session_id,
        kept_session_id as linked_session_id
    from {{ copied_lines }}
    union
    select
        session_id,
        kept_session_id as linked_session_id
    from {{ copies }}
    union
    select
        new_messages.session_id,
        session_messages.session_id as linked_session_id
    from new_messages
    inner join {{ session_messages }} as session_messages on new_messages.message_id = session_messages.message_id
    union
    select
        new_messages.session_id,
        copies.session_id as linked_session_id
    from new_messages
    inner join {{ copies }} as copies on new_messages.message_id = copies.message_id
    {#- Copies of answers that relays number are found by what they may share with the original. #}
    {%- for shared in ['uuid', 'request_id', 'answered_at'] %}
    union
    select
        new_messages.session_id,
        relayed_answers.session_id as linked_session_id
    from new_messages
    inner join {{ relayed_answers }} as relayed_answers on new_messages.{{ shared }} = relayed_answers.{{ shared }}
    where not new_messages.has_vendor_id
    {%- endfor %}
    -- An id goes to the first answer that was given it.
    union
    select
        new_messages.session_id,
        relayed_answers.session_id as linked_session_id
    from new_messages
    inner join {{ relayed_answers }} as relayed_answers
        on
            new_messages.message_id = relayed_answers.message_id
            and relayed_answers.answer_id = relayed_answers.message_id
            and coalesce(new_messages.answered_at, 'infinity') <= relayed_answers.first_at
    where not new_messages.has_vendor_id
    union
    select
        new_events.session_id,
        events.session_id as linked_session_id
    from new_events
    inner join lines_of_new_files as events on new_events.uuid = events.uuid
    -- Copies come in separate files. If a known file grows by copies, they are found by their answers and prompts: a scan of all
    -- lines for each grown file would cost more than the rest of the run.
    where new_events.is_rewritten
    union
    select
        prompts.session_id,
        shared_prompts.session_id as linked_session_id
    from shared_prompts
    inner join prompts on shared_prompts.prompt_hash = prompts.prompt_hash
),

ways as (
    select
        session_id,
        linked_session_id
    from links
    where session_id <> linked_session_id
    union
    select
        linked_session_id as session_id,
        session_id as linked_session_id
    from links
    where session_id <> linked_session_id
),

families as (
    select session_id from touched
    union
    select ways.linked_session_id as session_id
    from families
    inner join ways on families.session_id = ways.session_id
),

final as (
    select
        families.session_id,
        -- As the last run had them: days that a session leaves change too.
        sessions.person_key,
        sessions.first_ms,
        sessions.last_ms
    from families
    left join {{ sessions }} as sessions on families.session_id = sessions.session_id
)

select * from final

{%- endif %}
