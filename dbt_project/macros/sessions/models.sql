{# Names of language models as spelled in transcripts. For prices, see int_sessions__model_prices. #}

{#
    A model's plain dated name: lower case, without the suffixes of context (`[1m]`) and speed (`-fast`), a gateway's path (`anthropic/…`), a cloud's region and
    vendor (`us.anthropic.…`), version (`-v1:0`) or release (`@20250929`) spelling. Names of other vendors keep their dots.
#}
{% macro plain_model_name(model) -%}
    case
        when {{ model }} ~* 'claude'
            then replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(lower(trim({{ model }})),
                '\[[^\]]*\]$', ''), '-fast$', ''), '^.*/', ''), '^.*anthropic\.', ''), '(-v[0-9]+)?(:[a-z0-9]+)?$', ''), '[@.]', '-', 'g'), '--', '-')
        else regexp_replace(regexp_replace(lower(trim({{ model }})), '\[[^\]]*\]$', ''), '^.*/', '')
    end
{%- endmacro %}

{# The same without its release date. #}
{% macro undated_model_name(plain_name) -%}
    regexp_replace({{ plain_name }}, '-20[0-9]{6}$', '')
{%- endmacro %}

{# Whether a name is that of a cloud's profile for a region (`us.anthropic.…`, not `global.`), which costs more than the model itself. #}
{% macro is_regional_model(model) -%}
    ({{ model }} ~* '(^|/)[a-z-]+\.anthropic\.' and {{ model }} !~* '(^|/)global\.anthropic\.')
{%- endmacro %}

{# Whether a name says that the answer was given in fast mode. #}
{% macro is_fast_model(model) -%}
    ({{ model }} ~* 'claude.*-fast(\[[^\]]*\])?$')
{%- endmacro %}
