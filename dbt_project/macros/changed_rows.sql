{#
    Tests of whole tables that, in a build of what is stale, look only at what rows that were written since can have broken. They are those with
    `meta: follows` in dbt_project.yml. A build gives such a test the tag `changed_rows` if it passed today on what was there when the build began,
    and if only tables that it follows were written since (`CutOff` in orchestration/warehouse/state.py). Without the tag it looks at everything:
    in the first build of a day, in a full refresh, when it is selected, and whenever dbt is run from a shell.
#}

{#
    Condition that a value is one that a row written since the last publication has, or had, in its column; `true` where a test looks at everything.
    If they are few, the values are spelled out, so that the planner knows how few there are.

    value:   an expression.
    columns: the column by table; it is part of the table's key, or noted with it (`meta: noted`).
    type:    of the values.
#}
{% macro in_changed_rows(value, columns, type='text') -%}
    {%- if execute and 'changed_rows' in model.tags -%}
        {%- set values -%}
            {%- for table, column in columns.items() %}
            select (changes.key ->> '{{ column }}')::{{ type }}
            from building.changes
            where changes.name = '{{ table }}'
            {{ 'union' if not loop.last }}
            {%- endfor %}
        {%- endset -%}
        {%- set found = run_query(values ~ ' limit 101').columns[0].values() | list -%}
        {%- set few = found | reject('none') | list -%}
        {%- if found | length > 100 -%}
    ({{ value }} in ({{ values }}) or {{ value }} is null)
        {%- elif found | length == 0 -%}
    false
        {%- else -%}
    (
            {%- if few %}{{ value }} in ({% for one in few %}'{{ one | string | replace("'", "''") }}'::{{ type }}{{ ', ' if not loop.last }}{% endfor %}){% endif -%}
            {{ ' or ' if few and few != found }}{% if few != found %}{{ value }} is null{% endif -%}
    )
        {%- endif -%}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{#
    The same for transcripts: condition that `file_id` is that of a file which has grown, or of which a line has landed, since the sessions were last
    processed. int_changes__processed_session_inputs is read by name, since it is built after the tests.
#}
{% macro in_changed_files() -%}
    {%- if execute and 'changed_rows' in model.tags -%}
        {%- set tables = ['files', 'messages', 'events', 'prompts', 'tool_calls', 'ticket_mentions', 'unreadable_lines'] -%}
        {%- set files -%}
            {%- for table in tables %}
            select file_id
            from {{ source('claude_code', table) }}
            where loaded_at >= (
                select coalesce(max(loaded_at), '-infinity') from intermediate.int_changes__processed_session_inputs
            )
            {{ 'union' if not loop.last }}
            {%- endfor %}
        {%- endset -%}
        {%- set few = run_query(files ~ ' limit 101').columns[0].values() -%}
        {%- if few | length == 0 -%}
    false
        {%- elif few | length <= 100 -%}
    file_id in ('{{ few | join("', '") }}')
        {%- else -%}
    file_id = any(array({{ files }}))
        {%- endif -%}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
