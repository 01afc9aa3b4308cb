{# Versions are dated by instants, not by the session's local time. #}
{% macro postgres__snapshot_get_time() -%}
    current_timestamp
{%- endmacro %}
