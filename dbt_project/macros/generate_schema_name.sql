{#
    The schema of a relation: `intermediate` for every int_* model, else the configured name without a prefix, so that
    analysts read `marts.developers` in every environment.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if node.resource_type == 'model' and node.name.startswith('int_') -%}
        intermediate
    {%- else -%}
        {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
