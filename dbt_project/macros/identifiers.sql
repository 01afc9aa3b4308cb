{# How natural keys become identifiers (rule 1.11). Assignment for good is registry.identifiers' part. #}

{#
    A natural key as it is compared and hashed: trimmed, lower-cased, and the same however a program wrote it. Letters with accents may
    come composed or decomposed (macOS), and capitals know no ß.
#}
{% macro natural_key(expression) -%}
    replace(lower(normalize(trim({{ expression }}), nfc)), 'ß', 'ss')
{%- endmacro %}

{# All 64 hex digits of the SHA-256 of a natural key. #}
{% macro natural_key_hash(expression) -%}
    encode(sha256(convert_to({{ natural_key(expression) }}, 'UTF8')), 'hex')
{%- endmacro %}

{#
    A prefix and 8 hex digits, for tables whose rows are not worth a registry: of rows that share the 8 the first by
    `seen_order` keeps them, later ones take 16, so that no two rows of the query bear one identifier.
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
