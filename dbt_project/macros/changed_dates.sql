{#
    Rebuilding only the dates that changed. Two models list these dates, each with a table of the dates already processed:
    int_time__changed_dates for time entries, int_engineering__changed_dates for what is built from them and from code.
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

{% macro replace_changed_dates(arg_dict, subject) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }} as target
    where {{ is_of_no_kept_date('target', subject) }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{#
    Incremental strategy `changed_dates`: rows of the changed dates are replaced by the query's rows, in one
    transaction. For tables that use int_engineering__changed_dates.
#}
{% macro get_incremental_changed_dates_sql(arg_dict) -%}
    {{ replace_changed_dates(arg_dict, 'engineering') }}
{%- endmacro %}

{# Incremental strategy `changed_dates_of_time`: the same for tables that use int_time__changed_dates. #}
{% macro get_incremental_changed_dates_of_time_sql(arg_dict) -%}
    {{ replace_changed_dates(arg_dict, 'time') }}
{%- endmacro %}

{#
    Incremental strategy `changed_rows_of_time`: the query returns all rows of the changed dates, and rows already in the table are left
    unchanged, which saves updates of their many indexes. For tables with an `id`.
#}
{% macro get_incremental_changed_rows_of_time_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
    delete from {{ arg_dict['target_relation'] }} as target
    where
        {{ is_of_no_kept_date('target', 'time') }}
        and not exists (
            select 1
            from {{ arg_dict['temp_relation'] }} as given
            where
                given.id = target.id
                and (given.{{ names | join(', given.') }}) is not distinct from (target.{{ names | join(', target.') }})
        );

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }} as given
    where not exists (select 1 from {{ arg_dict['target_relation'] }} as target where target.id = given.id)
{%- endmacro %}

{# Incremental strategy `given_rows`: the query's rows replace those with the same `id`; all others stay unchanged. #}
{% macro get_incremental_given_rows_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
    delete from {{ arg_dict['target_relation'] }} as target
    using {{ arg_dict['temp_relation'] }} as given
    where
        given.id = target.id
        and (given.{{ names | join(', given.') }}) is distinct from (target.{{ names | join(', target.') }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }} as given
    where not exists (select 1 from {{ arg_dict['target_relation'] }} as target where target.id = given.id)
{%- endmacro %}
