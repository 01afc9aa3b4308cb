{# Money in another currency, and work that belongs to no client. #}

{# The client_id of what falls on no client (model, 5.7). #}
{% macro bench() -%}
    'bench'
{%- endmacro %}

{# The first day of a date's month. #}
{% macro month_of(date) -%}
    date_trunc('month', {{ date }})::date
{%- endmacro %}

{# An amount in another currency; null where a rate is needed and missing. Nothing is nothing in every currency. #}
{% macro converted(amount, from_currency, to_currency, rate) -%}
    case
        when {{ from_currency }} = {{ to_currency }} then {{ amount }}
        when {{ amount }} = 0 then 0
        else {{ amount }} * {{ rate }}
    end
{%- endmacro %}

{# Condition of a join with int_money__exchange_rates: the rate of a month, the last on or before its end (model, 5.7). #}
{% macro rate_of_month(rates, from_currency, to_currency, month) -%}
    {{ from_currency }} = {{ rates }}.from_currency
    and {{ to_currency }} = {{ rates }}.to_currency
    and {{ month }} >= {{ rates }}.first_month
    and {{ month }} < {{ rates }}.next_first_month
{%- endmacro %}
