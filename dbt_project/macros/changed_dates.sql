{# How the days of a history are rebuilt alone that changed. Which days those are is int_engineering__changed_dates' part. #}

{#
    Limits a query to the local dates that this run rebuilds, and to what has no date; nothing in a full build. A few are spelled out, so
    that the planner knows how few they are.
#}
{% macro of_changed_dates(column='local_date') -%}
    {#- Outside the condition, so that dbt sees the dependency when it parses. -#}
    {%- set changed_dates = ref('int_engineering__changed_dates') -%}
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

{#
    Incremental strategy `changed_dates`: what the table holds of other dates than the known, unchanged ones is replaced by what the query
    gives, in one transaction; dates of which nothing is left go too.
#}
{% macro get_incremental_changed_dates_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }} as target
    where
        not exists (
            select 1
            from {{ ref('int_engineering__changed_dates') }} as dates
            where dates.local_date = target.local_date and not dates.is_changed
        );

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{#
    Incremental strategy `changed_rows`: the query gives all rows, and those that stand already are left alone, with their many indexes.
    For tables whose rows bear an `id`.
#}
{% macro get_incremental_changed_rows_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
    delete from {{ arg_dict['target_relation'] }} as target
    where
        not exists (
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
