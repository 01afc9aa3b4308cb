{#
    Tests of whole tables that, in a build of what is stale, look only at what rows that were written since can have broken. They are those with
    `meta: follows` in dbt_project.yml. A build gives such a test the tag `changed_rows` if it passed today on what was there when the build began,
    and if only tables that it follows were written since (`CutOff` in orchestration/warehouse/state.py). Without the tag it looks at everything:
    in the first build of a day, in a full refresh, when it is selected, and whenever dbt is run from a shell.
#}

{% macro looks_at_changed_rows() -%}
    {%- do return(execute and 'changed_rows' in model.tags) -%}
{%- endmacro %}

{#
    The values that rows written since the last publication have, or had, in a column of each table, for `is_among`; none where a test looks at
    everything. A column is part of the table's key, or noted with it (`meta: noted`); where it is not, the test looks at everything, too.
#}
{% macro changed_values(columns, type='text') -%}
    {%- set unknown -%}
        select 1
        from building.changes
        where
            {%- for table, column in columns.items() %}
            changes.name = '{{ table }}' and (changes.key ? '{{ column }}') is not true
            {{ 'or' if not loop.last }}
            {%- endfor %}
        limit 1
    {%- endset -%}
    {%- if not looks_at_changed_rows() or run_query(unknown).rows -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set query -%}
        {%- for table, column in columns.items() %}
        select (changes.key ->> '{{ column }}')::{{ type }} as value
        from building.changes
        where changes.name = '{{ table }}'
        {{ 'union' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do return({'query': query, 'type': type, 'few': run_query(query ~ ' limit 1001').columns[0].values() | list}) -%}
{%- endmacro %}

{# Condition that an expression has one of these values, null included. If they are few they are spelled out, so that the planner knows how few. #}
{% macro is_among(expression, values) -%}
    {%- set few = values.few | reject('none') | list if values else [] -%}
    {%- if values is none -%}
    true
    {%- elif values.few | length > 1000 -%}
    ({{ expression }} in ({{ values.query }}) or {{ expression }} is null)
    {%- elif few -%}
    ({{ expression }} in ({% for one in few %}'{{ one | string | replace("'", "''") }}'::{{ values.type }}{{ ', ' if not loop.last }}{% endfor %})
    {%- if few != values.few %} or {{ expression }} is null{% endif %})
    {%- elif values.few -%}
    {{ expression }} is null
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{#
    The first of the months of such values, less a day, as a literal; none where a test looks at everything, or if one of the values is null.

    columns: as for `changed_values`, of instants or dates.
#}
{% macro first_changed_month(columns) -%}
    {%- set values = changed_values(columns, 'timestamptz') -%}
    {%- if values is not none -%}
        {%- set found = run_query(
            "select date_trunc('month', min(value) - interval '1 day')::date, bool_or(value is null) from (" ~ values.query ~ ') as changed'
        ).rows[0] -%}
        {%- if not found[1] -%}
            {%- do return("date '" ~ (found[0] or 'infinity') ~ "'") -%}
        {%- endif -%}
    {%- endif -%}
    {%- do return(none) -%}
{%- endmacro %}

{# Condition that an instant or a date is not before such a month, or some days before it; `true` where a test looks at everything. #}
{% macro is_from(expression, first_month, days_before=0) -%}
    {{ expression ~ ' >= ' ~ first_month ~ ' - ' ~ days_before if first_month else 'true' }}
{%- endmacro %}

{#
    The files that have grown, or of which a line has landed, since the sessions were last processed, for `is_among`.
    int_changes__processed_session_inputs is read by name, since it is built after the tests.
#}
{% macro changed_files() -%}
    {%- if not looks_at_changed_rows() -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set tables = ['files', 'messages', 'events', 'prompts', 'tool_calls', 'ticket_mentions', 'unreadable_lines'] -%}
    {%- set query -%}
        {%- for table in tables %}
        select file_id::text as value
        from {{ source('claude_code', table) }}
        where loaded_at >= (
            select coalesce(max(loaded_at), '-infinity') from intermediate.int_changes__processed_session_inputs
        )
        {{ 'union' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do return({'query': query, 'type': 'text', 'few': run_query(query ~ ' limit 1001').columns[0].values() | list}) -%}
{%- endmacro %}
