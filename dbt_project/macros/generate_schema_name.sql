{# A folder's schema is the schema's own name, with no prefix: analysts read `marts.developers` in every environment. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
