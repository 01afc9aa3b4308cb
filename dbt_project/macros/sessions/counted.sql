{# A count with its noun, "1 prompt" or "3 prompts"; null for 0, so that concat_ws leaves it out. #}
{% macro counted(count, noun) -%}
    case when {{ count }} > 0 then {{ count }} || ' {{ noun }}' || case when {{ count }} = 1 then '' else 's' end end
{%- endmacro %}
