{# Names of language models as transcripts spell them. What a model costs is int_sessions__model_prices' part. #}

{#
    A model's plain dated name: lower case, without the context suffix (`[1m]`), a gateway's path (`anthropic/…`), a cloud's region and
    vendor (`us.anthropic.…`), version (`-v1:0`) or release (`@20250929`) spelling. Names of other vendors keep their dots.
#}
{% macro plain_model_name(model) -%}
    case
        when {{ model }} ~* 'claude'
            then replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(lower(trim({{ model }})),
                '\[[^\]]*\]$', ''), '^.*/', ''), '^.*anthropic\.', ''), '(-v[0-9]+)?(:[a-z0-9]+)?$', ''), '[@.]', '-', 'g'), '--', '-')
        else regexp_replace(regexp_replace(lower(trim({{ model }})), '\[[^\]]*\]$', ''), '^.*/', '')
    end
{%- endmacro %}

{# The same without its release date. #}
{% macro undated_model_name(plain_name) -%}
    regexp_replace({{ plain_name }}, '-20[0-9]{6}$', '')
{%- endmacro %}
