{#
    Statistics for a table just built, so that the models after it are planned on facts; views have none. Where a run changes a few rows
    of a large table the server's own autovacuum keeps them.
#}
{% macro analyze_relation() -%}
    {%- if model.config.materialized in ('table', 'incremental') and not is_incremental() -%}
    analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
