{# Helpers by which heavy session models rebuild only what changed, as listed in int_sessions__changed_sessions. #}

{#
    Limits a query to the sessions that this run rebuilds; adds nothing in a full build. If they are few, they are spelled out, so that the
    planner knows how few there are and uses an index; of an empty table it would expect thousands of rows.
#}
{% macro of_changed_sessions(column='session_id') -%}
    {#- Outside the condition, so that dbt sees the dependency when it parses. -#}
    {%- set changed_sessions = ref('int_sessions__changed_sessions') -%}
    {%- if execute and is_incremental() -%}
        {%- set few = run_query('select session_id from ' ~ changed_sessions ~ ' limit 101').columns[0].values() -%}
        {%- if few | length == 0 -%}
    false
        {%- elif few | length <= 100 -%}
    {{ column }} in ({% for session_id in few %}'{{ session_id | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %})
        {%- else -%}
    {{ column }} in (select changed_sessions.session_id from {{ changed_sessions }} as changed_sessions)
        {%- endif -%}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#
    Incremental strategy `changed_sessions`: rows of the changed sessions become the query's rows. dbt's own delete+insert would keep the
    rows of a session for which the query no longer returns any.
#}
{% macro get_incremental_changed_sessions_sql(arg_dict) -%}
    {#- In claude_sessions the column is `id`. -#}
    {%- set names = arg_dict['dest_columns'] | map(attribute='name') | list -%}
    {%- set session_id = 'target.session_id' if 'session_id' in names else 'target.id' -%}
    {%- set scope = session_id ~ ' in (select session_id from ' ~ ref('int_sessions__changed_sessions') ~ ')' -%}
    {{ write_differences_within(arg_dict, scope) }}
{%- endmacro %}

{# Incremental strategy `changed_days`: the same for the days of a person on which a session changed (int_sessions__changed_days). #}
{% macro get_incremental_changed_days_sql(arg_dict) -%}
    {%- set scope -%}
        (target.person_key, target.local_date) in (select person_key, local_date from {{ ref('int_sessions__changed_days') }})
    {%- endset -%}
    {{ write_differences_within(arg_dict, scope) }}
{%- endmacro %}

{#
    Hook of int_sessions__changed_sessions: takes out of the record of what was processed what is about to be. If the run breaks off, it stays changed,
    even if the news is taken back meanwhile (as in changed_dates.sql). Known files only grow or begin another generation, and keep the place up to which
    they were processed.
#}
{% macro forget_processed_inputs() -%}
    {%- set processed = load_relation(this.incorporate(path={'identifier': 'int_changes__processed_session_inputs'})) -%}
    {%- if processed -%}
    {%- set inputs = this.incorporate(path={'identifier': 'int_sessions__inputs'}) -%}
    with forgotten as (
        update {{ processed }} as processed
        set fingerprint = ''
        where
            processed.kind != 'file'
            and processed.fingerprint != ''
            and not exists (
                select 1
                from {{ inputs }} as inputs
                where
                    inputs.kind = processed.kind
                    and inputs.key = processed.key
                    and inputs.fingerprint = processed.fingerprint
            )
    )

    insert into {{ processed }} (kind, key, fingerprint)
    select
        inputs.kind,
        inputs.key,
        ''
    from {{ inputs }} as inputs
    where
        not exists (
            select 1
            from {{ processed }} as processed
            where processed.kind = inputs.kind and processed.key = inputs.key
        )
    {%- endif -%}
{%- endmacro %}

{#
    int_changes__processed_session_inputs as the last run left it, for a table that also reads itself; none if either is missing or in a
    full refresh. Read by name, because it is built after every model that uses it.
#}
{% macro inputs_of_last_run() -%}
    {%- if execute and not flags.FULL_REFRESH and load_relation(this) -%}
        {%- do return(load_relation(this.incorporate(path={'schema': 'intermediate', 'identifier': 'int_changes__processed_session_inputs'}))) -%}
    {%- endif -%}
    {%- do return(none) -%}
{%- endmacro %}

{# Memory for the sorts of one heavy query; the setting ends with its transaction. #}
{% macro allow_large_sorts() -%}
    set local work_mem = '128MB'
{%- endmacro %}

{#
    Condition that a row of `lines` is a line that was copied from another session. Mostly there are none, and to look each of a million
    lines up in an empty table would take as long as the rest of a query. Unit tests give the table rows of their own.
#}
{% macro is_copied(lines) -%}
    {%- set copied_lines = ref('int_sessions__copied_lines') -%}
    {%- set is_known = execute and model.resource_type == 'model' and load_relation(copied_lines) -%}
    {%- if is_known and run_query('select 1 from ' ~ copied_lines ~ ' limit 1').rows | length == 0 -%}
    false
    {%- else -%}
    exists (
        select 1
        from {{ copied_lines }} as copied_lines
        where
            copied_lines.file_id = {{ lines }}.file_id
            and copied_lines.generation = {{ lines }}.generation
            and copied_lines.line_offset = {{ lines }}.line_offset
            and copied_lines.record_index = {{ lines }}.record_index
    )
    {%- endif -%}
{%- endmacro %}
