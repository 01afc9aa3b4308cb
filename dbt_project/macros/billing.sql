{# Helpers shared by the billing engines: months of fixed amounts, order of entries, time as shown on an invoice. #}

{# The last day of the month that begins on a date. #}
{% macro month_end(first_day) -%}
    ((({{ first_day }}) + interval '1 month')::date - 1)
{%- endmacro %}

{# Which engine bills an entry: the first that applies, priced or not (rule 7.2). #}
{% macro billing_basis() -%}
    case
        when application_id is not null then 'application'
        when contract_id is not null or names_contract then 'contract'
        when billing_rule_id is not null then 'billing_rule'
        else 'client_terms'
    end
{%- endmacro %}

{# The order in which entries use up an allowance, a cap or a day: date, then start (none first), then id by bytes (rule 1.15). #}
{% macro entry_order(entries) -%}
    {{ entries }}.local_date, {{ entries }}.start_time nulls first, {{ entries }}.time_entry_id collate "C"
{%- endmacro %}

{#
    The months for which a fixed amount is billed, as a set-returning subquery with the column `invoice_month` for a lateral join
    (rule 7.24): from the month of the first day to that of as_of, if in force on the month's last day; a range within
    one month is billed in that month. `first_month` is used for an empty start; if it is null, nothing is billed.
#}
{% macro months_of_fixed_amount(valid_from, valid_to, first_month, as_of_date) -%}
    (
        select months.first_day::date as invoice_month
        from (
            select
                case
                    when {{ valid_from }} is null or {{ valid_from }} = '-infinity' then date_trunc('month', {{ first_month }})::date
                    else {{ valid_from }}
                end as first_day,
                coalesce({{ valid_to }}, 'infinity'::date) as last_day
        ) as force
        cross join lateral generate_series(
            date_trunc('month', force.first_day)::timestamp,
            date_trunc('month', {{ as_of_date }})::timestamp,
            interval '1 month'
        ) as months (first_day)
        where
            {{ month_end('months.first_day::date') }} between force.first_day and force.last_day
            or (
                force.first_day <= force.last_day
                and force.first_day >= months.first_day::date
                and force.last_day <= {{ month_end('months.first_day::date') }}
            )
    )
{%- endmacro %}

{# Seconds as h:mm:ss, as many hours as there are; null stays null. #}
{% macro clock_text(seconds) -%}
    (
        div({{ seconds }}::numeric, 3600)::text
        || ':' || lpad(mod(div({{ seconds }}::numeric, 60), 60)::text, 2, '0')
        || ':' || lpad(mod({{ seconds }}::numeric, 60)::text, 2, '0')
    )
{%- endmacro %}

{# The same for a line's text, without seconds where there are none: 12:30, 0:05:10. #}
{% macro short_clock_text(seconds) -%}
    regexp_replace({{ clock_text(seconds) }}, ':00$', '')
{%- endmacro %}

{# A month as shown on an invoice: "March 2026". #}
{% macro month_text(first_day) -%}
    to_char({{ first_day }}, 'FMMonth YYYY')
{%- endmacro %}

{# The price of an hour beyond a retainer's hours, from a rule's metadata; null where none is given (rule 7.21). #}
{% macro overage_rate_cents(metadata) -%}
    case
        when {{ metadata }} ->> 'overage_rate_cents' ~ '^\s*\d+(\.\d+)?\s*$' then ({{ metadata }} ->> 'overage_rate_cents')::numeric
    end
{%- endmacro %}

{# Hours as stated by a contract or rule, without trailing zeros: 60, 7.5. #}
{% macro hours_text(hours) -%}
    trim_scale(({{ hours }})::numeric)::text
{%- endmacro %}

{# The columns that distinguish one line from another, except prices (rule 7.29). #}
{% macro line_place() -%}
    client_id, currency, invoice_month, basis, line_type, coalesce(rate_tier, ''), coalesce(application_id, ''),
    coalesce(contract_id, ''), coalesce(contract_period_id, ''), coalesce(billing_rule_id, ''), coalesce(project_id, ''),
    coalesce(issue_key, '')
{%- endmacro %}

{# The key of a line of hours: parts with equal place and price share a line (rule 7.29). #}
{% macro line_key() -%}
    concat_ws('|', {{ line_place() }}, coalesce(unit_price::text, ''), coalesce(rate_multiplier::text, ''))
{%- endmacro %}
