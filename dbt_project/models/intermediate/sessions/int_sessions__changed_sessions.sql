{#
    The tables below are read as the last run left them, by name: they are built after this one, so dbt must not see a dependency.
    The first of them stands for all: where it is missing nothing has been built and every model builds in full, as it does in a full refresh.
-#}
{%- set processed_inputs = load_relation(this.incorporate(path={'identifier': 'int_sessions__processed_inputs'})) -%}
{%- set copied_lines = load_relation(this.incorporate(path={'identifier': 'int_sessions__copied_lines'})) -%}
{%- set contexts = load_relation(this.incorporate(path={'identifier': 'int_sessions__contexts'})) -%}
{%- set sessions = load_relation(this.incorporate(path={'identifier': 'int_sessions__sessions'})) -%}
{%- set session_messages = load_relation(this.incorporate(path={'schema': 'marts', 'identifier': 'session_messages'})) -%}
{%- set copies = load_relation(this.incorporate(path={'schema': 'marts', 'identifier': 'session_message_copies'})) -%}
{%- set record_models = ['events', 'messages', 'prompts', 'tool_calls', 'ticket_mentions'] -%}
{#- Spelled out, so that dbt sees the dependencies when it parses. -#}
{%- set records = {
    'events': ref('stg_claude_code__events'),
    'messages': ref('stg_claude_code__messages'),
    'prompts': ref('stg_claude_code__prompts'),
    'tool_calls': ref('stg_claude_code__tool_calls'),
    'ticket_mentions': ref('stg_claude_code__ticket_mentions'),
} -%}
{%- set inputs = ref('int_sessions__inputs') -%}

{%- if not copied_lines or flags.FULL_REFRESH -%}

select
    null::text as session_id,
    null::text as person_key,
    null::bigint as first_ms,
    null::bigint as last_ms
where false

{%- elif not (processed_inputs and contexts and sessions and session_messages and copies) -%}

{# The last run broke off before it had built everything once: what it did build is built again. #}
select
    session_id,
    null::text as person_key,
    null::bigint as first_ms,
    null::bigint as last_ms
from (
    {%- for name in record_models %}
    select session_id from {{ records[name] }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
) as all_sessions

{%- else -%}

with recursive

changed_inputs as (
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
),

-- From which byte on a file's lines are new: from its beginning where it is new or rewritten.
changed_files as (
    select
        key as file_id,
        split_part(fingerprint, ':', 1) is distinct from split_part(previous_fingerprint, ':', 1) as is_anew,
        case
            when split_part(fingerprint, ':', 1) is distinct from split_part(previous_fingerprint, ':', 1) then 0
            else least(split_part(previous_fingerprint, ':', 2)::bigint, split_part(fingerprint, ':', 2)::bigint)
        end as from_offset
    from changed_inputs
    where kind = 'file'
),

-- Loads come one after another, so nothing new is older than the newest load that the last run saw; raw tables may have an index on it.
last_load as (
    select coalesce(max(loaded_at), '-infinity') as loaded_at
    from {{ processed_inputs }}
),

new_lines as (
    select
        events.session_id,
        events.uuid
    from {{ records['events'] }} as events
    inner join changed_files
        on
            events.file_id = changed_files.file_id
            and events.line_offset >= changed_files.from_offset
    where events.loaded_at >= (select last_load.loaded_at from last_load)
),

new_answers as (
    select
        messages.session_id,
        messages.message_id
    from {{ records['messages'] }} as messages
    inner join changed_files
        on
            messages.file_id = changed_files.file_id
            and messages.line_offset >= changed_files.from_offset
    where messages.loaded_at >= (select last_load.loaded_at from last_load)
),

touched as (
    select session_id from new_lines
    union
    select session_id from new_answers
    {%- for name in ['prompts', 'tool_calls', 'ticket_mentions'] %}
    union
    select records.session_id
    from {{ records[name] }} as records
    inner join changed_files
        on
            records.file_id = changed_files.file_id
            and records.line_offset >= changed_files.from_offset
    where records.loaded_at >= (select last_load.loaded_at from last_load)
    {%- endfor %}
    union
    -- What a rewritten or withdrawn file held before.
    select contexts.session_id
    from {{ contexts }} as contexts
    inner join changed_files on contexts.file_id = changed_files.file_id
    where changed_files.is_anew
    union
    select session_messages.session_id
    from {{ session_messages }} as session_messages
    inner join changed_inputs on session_messages.model = changed_inputs.key
    where changed_inputs.kind = 'model'
    union
    select sessions.session_id
    from {{ sessions }} as sessions
    inner join changed_inputs on sessions.root_path = changed_inputs.key
    where changed_inputs.kind = 'root'
    union
    select sessions.session_id
    from {{ sessions }} as sessions
    where exists (select 1 from changed_inputs where changed_inputs.kind = 'rule')
),

-- Sessions that hold copies of the same lines or answers decide together which of them keeps those.
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
        new_answers.session_id,
        session_messages.session_id as linked_session_id
    from new_answers
    inner join {{ session_messages }} as session_messages on new_answers.message_id = session_messages.message_id
    union
    select
        new_lines.session_id,
        events.session_id as linked_session_id
    from new_lines
    -- By the hash of the id, which is what raw tables may have an index on.
    inner join {{ records['events'] }} as events
        on
            hashtextextended(new_lines.uuid, 0) = hashtextextended(events.uuid, 0)
            and new_lines.uuid = events.uuid
    union
    -- Several sessions with one promptId have one prompt between them.
    select
        shared.session_id,
        shared.linked_session_id
    from (
        select
            session_id,
            min(session_id) over (partition by coalesce(prompt_id, uuid)) as linked_session_id
        from {{ records['prompts'] }}
    ) as shared
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
        -- As the last run had them: its developer-days change too where a session leaves them.
        sessions.person_key,
        sessions.first_ms,
        sessions.last_ms
    from families
    left join {{ sessions }} as sessions on families.session_id = sessions.session_id
)

select * from final

{%- endif %}
