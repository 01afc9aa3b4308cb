{# How natural keys become identifiers (rule 1.11). Permanent assignment is in registry.identifiers. #}

{#
    A natural key as it is compared and hashed: trimmed, lower-cased and normalized. Letters with accents may
    come composed or decomposed (macOS), and upper case has no ß.
#}
{% macro natural_key(expression) -%}
    replace(lower(normalize(trim({{ expression }}), nfc)), 'ß', 'ss')
{%- endmacro %}

{# All 64 hex digits of the SHA-256 of a natural key. #}
{% macro natural_key_hash(expression) -%}
    encode(sha256(convert_to({{ natural_key(expression) }}, 'UTF8')), 'hex')
{%- endmacro %}

{#
    A prefix and 8 hex digits, for tables whose rows are not worth a registry: of rows that share the 8 digits, the first by
    `seen_order` keeps them and later ones take 16, so that no two rows of the query have the same identifier.
#}
{% macro hashed_identifier(prefix, expression, seen_order) -%}
    '{{ prefix }}-' || left(
        {{ natural_key_hash(expression) }},
        case
            when row_number() over (
                partition by left({{ natural_key_hash(expression) }}, 8) order by {{ seen_order }}, {{ expression }}
            ) = 1 then 8
            else 16
        end
    )
{%- endmacro %}
