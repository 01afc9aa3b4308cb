{# Versions are dated by instants, not by some session's wall clock. #}
{% macro postgres__snapshot_get_time() -%}
    current_timestamp
{%- endmacro %}
