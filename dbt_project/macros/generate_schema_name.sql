{#
    The schema of a relation: `building` for what people read (macros/materializations/publication.sql), else as below.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set schema = published_schema(custom_schema_name, node) -%}
    {%- if node.resource_type == 'model' and (schema in ('marts', 'private', 'reports') or node.config.meta.get('is_published')) -%}
        building
    {%- else -%}
        {{ schema }}
    {%- endif -%}
{%- endmacro %}

{#
    The schema where a relation is read: `intermediate` for every int_* model, else the configured name without a prefix, so that analysts read
    `marts.developers` in every environment.
#}
{% macro published_schema(custom_schema_name, node) -%}
    {%- if node.resource_type == 'model' and node.name.startswith('int_') -%}
        {%- do return('intermediate') -%}
    {%- else -%}
        {%- do return(target.schema if custom_schema_name is none else custom_schema_name | trim) -%}
    {%- endif -%}
{%- endmacro %}
