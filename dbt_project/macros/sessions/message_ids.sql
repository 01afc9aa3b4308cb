{# Ids of answers. Where the id does not say which lines are one answer, see int_sessions__relayed_answers. #}

{#
    Whether an id is of the vendor's own form, and so unique to an answer: Anthropic's, Bedrock's, Vertex's; an advisor's answer is named
    after the answer within which it was asked. Relays give ids of their own (`msg_1`, `chatcmpl-0`, one id for all).
#}
{% macro is_vendors_message_id(message_id) -%}
    {#- Anthropic's own, which are most, apart: a pattern with {20,} takes ten times as long. #}
    case
        when {{ message_id }} ~ '^msg_[A-Za-z0-9]+$' then length({{ message_id }}) >= 24
        else {{ message_id }} ~ '^msg_(bdrk_|vrtx_)?[A-Za-z0-9]{20,}(:advisor:[0-9]+)?$'
    end
{%- endmacro %}
