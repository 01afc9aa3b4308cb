{#
    dbt's own materializations, so written that readers never miss a relation or wait for one: dbt's replace a table by renaming and drop the
    former one together with the views on it. Contracts, hooks, grants and comments work as in dbt's.
#}

{% materialization table, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% do build_whole(load_cached_relation(this), target_relation, sql) %}
    {% do finish(target_relation) %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization incremental, adapter='postgres' %}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if existing_relation is none or not existing_relation.is_table or should_full_refresh() %}
        {% do build_whole(existing_relation, target_relation, sql) %}
    {% else %}
        {%- set given = make_temp_relation(target_relation) -%}
        {% do run_query(create_rows(given, sql)) %}
        {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
        {%- set columns = process_schema_changes(on_schema_change, given, existing_relation) -%}
        {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
        {% call statement('main') -%}
            {{ strategy({
                'target_relation': target_relation,
                'temp_relation': given,
                'unique_key': config.get('unique_key'),
                'dest_columns': columns or adapter.get_columns_in_relation(existing_relation),
                'incremental_predicates': none,
            }) }}
        {%- endcall %}
    {% endif %}
    {% do finish(target_relation) %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='postgres' %}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if existing_relation is none %}
        {% call statement('main') -%}
            {{ get_create_view_as_sql(target_relation, sql) }}
        {%- endcall %}
    {% else %}
        {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
        {% do run_query('drop view if exists ' ~ intermediate_relation) %}
        {% call statement('main') -%}
            {{ get_create_view_as_sql(intermediate_relation, sql) }}
        {%- endcall %}
        {% if existing_relation.is_view and views_are_equal(existing_relation, intermediate_relation) %}
            {% do run_query('drop view ' ~ intermediate_relation) %}
        {% else %}
            {% do exchange(existing_relation, intermediate_relation, target_relation) %}
        {% endif %}
    {% endif %}
    {% do finish(target_relation) %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro views_are_equal(one, other) -%}
    {%- set texts = run_query("select pg_get_viewdef('" ~ one ~ "'::regclass) = pg_get_viewdef('" ~ other ~ "'::regclass)") -%}
    {%- do return(texts.rows[0][0]) -%}
{%- endmacro %}

{# What follows when the rows are there: hooks, grants, comments, and counts of rows written that others see at once. #}
{% macro finish(target_relation) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=True) %}
    {% do persist_docs(target_relation, model) %}
    {% do publish_counts() %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}

{# Postgres would otherwise publish a session's counts up to a second after its last write. #}
{% macro publish_counts() -%}
    {%- do run_query('select pg_stat_force_next_flush()') -%}
{%- endmacro %}
