{# Statistics for a table just built, so that the models after it are planned on facts; views have none. #}
{% macro analyze_relation() -%}
    {%- if model.config.materialized in ('table', 'incremental') -%}
    analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
