{# How natural keys become identifiers (model, section 2; fine print, 20). Assignment for good is registry.identifiers' part. #}

{# A natural key as it is compared and hashed: trimmed and lower-cased text. #}
{% macro natural_key(expression) -%}
    lower(trim({{ expression }}))
{%- endmacro %}

{# All 64 hex digits of the SHA-256 of a natural key. #}
{% macro natural_key_hash(expression) -%}
    encode(sha256(convert_to({{ natural_key(expression) }}, 'UTF8')), 'hex')
{%- endmacro %}

{# A prefix and the first 8 hex digits: for tables whose rows are too many and too short-lived for the registry. #}
{% macro hashed_identifier(prefix, expression) -%}
    '{{ prefix }}-' || left({{ natural_key_hash(expression) }}, 8)
{%- endmacro %}
