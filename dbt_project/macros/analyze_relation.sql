{#
    Collects statistics for a table just built, so that queries of later models are planned well; views have none. Where a run changes only
    a few rows of a large table, autovacuum keeps the statistics up to date.
#}
{% macro analyze_relation() -%}
    {%- if model.config.materialized in ('table', 'incremental') and not is_incremental() -%}
    analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
