{#
    Rebuilding only the dates or months that changed. Three models list them, each with a table of those already processed:
    int_time__changed_dates for time entries, int_engineering__changed_dates for what is built from them and from code,
    int_billing__changed_months for the bill.
#}

{#
    Limits a query to the local dates that this run rebuilds and to rows without a date; adds nothing in a full build. If they are few,
    the dates are spelled out, so that the planner knows how few there are.
#}
{% macro of_changed_dates(column='local_date', subject='engineering') -%}
    {#- Outside the condition, so that dbt sees the dependency when it parses. -#}
    {%- set changed_dates = ref('int_' ~ subject ~ '__changed_dates') -%}
    {%- if execute and is_incremental() -%}
        {%- set few = run_query('select local_date from ' ~ changed_dates ~ ' where is_changed limit 101').columns[0].values() -%}
        {%- if few | length == 0 -%}
    {{ column }} is null
        {%- elif few | length <= 100 -%}
    ({{ column }} is null or {{ column }} in ({% for local_date in few %}date '{{ local_date }}'{{ ', ' if not loop.last }}{% endfor %}))
        {%- else -%}
    ({{ column }} is null or {{ column }} in (select dates.local_date from {{ changed_dates }} as dates where dates.is_changed))
        {%- endif -%}
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{# Whether a row of a table rebuilt by dates must be replaced: its date has changed, or has no data any longer. #}
{% macro is_of_no_kept_date(row, subject) -%}
    not exists (
        select 1
        from {{ ref('int_' ~ subject ~ '__changed_dates') }} as dates
        where dates.local_date = {{ row }}.local_date and not dates.is_changed
    )
{%- endmacro %}

{#
    Incremental strategy `changed_dates`: rows of the changed dates become the query's rows. For tables that use
    int_engineering__changed_dates.
#}
{% macro get_incremental_changed_dates_sql(arg_dict) -%}
    {{ write_differences_within(arg_dict, is_of_no_kept_date('target', 'engineering')) }}
{%- endmacro %}

{# Incremental strategy `changed_dates_of_time`: the same for tables that use int_time__changed_dates. #}
{% macro get_incremental_changed_dates_of_time_sql(arg_dict) -%}
    {{ write_differences_within(arg_dict, is_of_no_kept_date('target', 'time')) }}
{%- endmacro %}

{# Incremental strategy `given_rows`: the query's rows replace those with the same `id`; all others stay unchanged. #}
{% macro get_incremental_given_rows_sql(arg_dict) -%}
    {%- set given = arg_dict['temp_relation'] -%}
    {{ write_differences_within(arg_dict, 'target.id in (select given.id from ' ~ given ~ ' as given)') }}
{%- endmacro %}

{#
    Hook of a model that lists what changed: takes out of the table of what was processed whatever is about to be rebuilt. If the run breaks
    off, it stays changed, even if the news is taken back meanwhile and the old fingerprint returns.

    processed: the table of what was processed, which is built after everything that uses the list.
    column:    the date or month.
#}
{% macro forget_processed(processed, column) -%}
    {%- set known = load_relation(this.incorporate(path={'identifier': processed})) -%}
    {%- if known -%}
    delete from {{ known }} as processed
    where
        not exists (
            select 1
            from {{ this }} as listed
            where listed.{{ column }} = processed.{{ column }} and not listed.is_changed
        )
    {%- endif -%}
{%- endmacro %}

{#
    A query for one fingerprint of whole relations, for rules of which a change may affect everything.

    rules: names, and the relations or steps that have the rows.
#}
{% macro fingerprint_of_rules(rules) -%}
    select md5(string_agg(rule || ':' || row_count || ':' || row_hashes, ',' order by rule)) as fingerprint
    from (
        {% for rule, relation in rules %}
            select
                '{{ rule }}' as rule,
                count(*) as row_count,
                coalesce(sum(hashtextextended({{ rule }}::text, 0)), 0) as row_hashes
            from {{ relation }}{{ '' if relation == rule else ' as ' ~ rule }}
            {{ 'union all' if not loop.last }}
        {% endfor %}
    ) as hashed_rules
{%- endmacro %}
