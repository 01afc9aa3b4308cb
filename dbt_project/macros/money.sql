{# Money in another currency, and work that belongs to no client. #}

{# The client_id of work that belongs to no client (rule 9.10). #}
{% macro bench() -%}
    'bench'
{%- endmacro %}

{# Decimals of a currency's amounts, from a join with stg_reference__currencies: 2 for an unknown currency, never more than are stored. #}
{% macro decimals_of(currencies) -%}
    coalesce(least({{ currencies }}.decimals, 2), 2)::integer
{%- endmacro %}

{# The first day of a date's month. #}
{% macro month_of(date) -%}
    date_trunc('month', {{ date }})::date
{%- endmacro %}

{# An amount in another currency; null where a rate is needed and missing. 0 is 0 in every currency. #}
{% macro converted(amount, from_currency, to_currency, rate) -%}
    case
        when {{ from_currency }} = {{ to_currency }} then {{ amount }}
        when {{ amount }} = 0 then 0
        else {{ amount }} * {{ rate }}
    end
{%- endmacro %}

{# Condition of a join with int_money__exchange_rates: the rate of a month, the last on or before its end (rule 9.9). #}
{% macro rate_of_month(rates, from_currency, to_currency, month) -%}
    {{ from_currency }} = {{ rates }}.from_currency
    and {{ to_currency }} = {{ rates }}.to_currency
    and {{ month }} >= {{ rates }}.first_month
    and {{ month }} < {{ rates }}.next_first_month
{%- endmacro %}

{# Columns of client_margin and client_margin_rollup from int_money__margins, in the agency's and in the client's currency. #}
{% macro margin_columns(margins) -%}
    {{ margins }}.currency,
    {% for measure in ['accrued', 'invoiced', 'received', 'labour_cost', 'ai_cost', 'margin'] -%}
        {{ margins }}.agency_{{ measure }}::numeric(14, 2) as {{ measure }},
    {% endfor -%}
    round({{ margins }}.agency_margin / nullif({{ margins }}.agency_accrued, 0), 4)::numeric(14, 4) as margin_share,
    {{ margins }}.counted_seconds,
    round({{ margins }}.agency_accrued * 3600 / nullif({{ margins }}.counted_seconds, 0), 4)::numeric(12, 4) as effective_rate,
    {{ margins }}.client_currency,
    {% for measure in ['accrued', 'invoiced', 'received', 'labour_cost', 'ai_cost', 'margin'] -%}
        {{ margins }}.client_{{ measure }}::numeric(14, 2) as {{ measure }}_in_client_currency,
    {% endfor -%}
    {{ margins }}.warnings,
    {{ warning_codes(margins ~ '.warnings') }} as warning_codes,
    {{ margins }}.agency_accrued_later::numeric(14, 2) as accrued_later,
    {{ margins }}.client_accrued_later::numeric(14, 2) as accrued_later_in_client_currency
{%- endmacro %}

{# The codes in a list of warnings, each once. #}
{% macro warning_codes(warnings) -%}
    array(select distinct listed.warning ->> 'code' as code from jsonb_array_elements({{ warnings }}) as listed (warning) order by code)
{%- endmacro %}

{# Bank transactions of the business, or those that are personal. #}
{% macro bank_transactions(business) -%}
    select
        id,
        transaction_id,
        date,
        authorized_on,
        description,
        merchant_name,
        amount,
        currency,
        category,
        category_detailed,
        type,
        client_id,
        project_id,
        account_id,
        item_id,
        entity,
        scope,
        allocated,
        is_pending,
        pending_transaction_id,
        amount_as_sent
    from {{ ref('int_money__transactions') }}
    where scope {{ '=' if business else '<>' }} 'business'
{%- endmacro %}

{# Bank accounts of the business, or those that are personal. #}
{% macro bank_accounts(business) -%}
    select
        id,
        plaid_account_id,
        item_id,
        label,
        institution,
        scope,
        account_type,
        entity,
        currency,
        balance_current,
        balance_available,
        is_deleted,
        deleted_at
    from {{ ref('int_money__accounts') }}
    where scope {{ '=' if business else '<>' }} 'business'
{%- endmacro %}
