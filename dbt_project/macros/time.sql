{# Dates, zones and durations. Timestamps are UTC; a local date is the date in a person's zone (rule 1.3). #}

{# The date of an instant in a zone. #}
{% macro local_date(instant, zone) -%}
    ({{ instant }} at time zone {{ zone }})::date
{%- endmacro %}

{# The instant at which a local date begins in a zone: midnight, or the first moment that exists. #}
{% macro day_start(local_date, zone) -%}
    ({{ local_date }}::timestamp at time zone {{ zone }})
{%- endmacro %}

{#
    as_of, the only clock (rule 1.8): the variable, where a date means its end in the agency's zone; else the start of this invocation
    of dbt, the same for all its models. A literal, so that no table needs rebuilding to move the clock. Models that call one of these two
    macros follow the clock: a model that uses only the date does not change until the date does.
#}
{% macro as_of(zone) -%}
    {%- set moment = var('as_of') or run_started_at -%}
    {%- if moment | string | length == 10 -%}
        {{ day_start("('" ~ moment ~ "'::date + 1)", zone) }}
    {%- else -%}
        '{{ moment }}'::timestamptz
    {%- endif -%}
{%- endmacro %}

{# The day of as_of, in the agency's zone. #}
{% macro as_of_date(zone) -%}
    {%- set moment = var('as_of') or run_started_at -%}
    {%- if moment | string | length == 10 -%}
        '{{ moment }}'::date
    {%- else -%}
        {{ local_date("'" ~ moment ~ "'::timestamptz", zone) }}
    {%- endif -%}
{%- endmacro %}

{# Whether a month had ended at as_of; a date is its end. `as_of_date` is a column with as_of_date(). #}
{% macro month_is_over(first_day, as_of_date) -%}
    {%- set moment = var('as_of') or run_started_at -%}
    ({{ month_end(first_day) }} {{ '<=' if moment | string | length == 10 else '<' }} {{ as_of_date }})
{%- endmacro %}

{# Whether a date is in a range that may be open-ended; the last day is included. #}
{% macro in_force(date, valid_from, valid_to) -%}
    ({{ date }} >= coalesce({{ valid_from }}, '-infinity'::date) and {{ date }} <= coalesce({{ valid_to }}, 'infinity'::date))
{%- endmacro %}

{# Whole seconds between two instants, floored (rule 1.4). #}
{% macro seconds_between(start_time, end_time) -%}
    floor(extract(epoch from {{ end_time }} - {{ start_time }}))::bigint
{%- endmacro %}

{# Seconds as hours, to a hundredth of a second. #}
{% macro hours(seconds) -%}
    ({{ seconds }} / 3600.0)::numeric(14, 6)
{%- endmacro %}

{# The end of a logged entry, else its start plus its duration; null if unknown. #}
{% macro logged_until() -%}
    coalesce(end_time, start_time + make_interval(secs => duration_seconds))
{%- endmacro %}

{# Whole seconds of an ISO-8601 duration such as PT1H15M. #}
{% macro iso_duration_seconds(expression) -%}
    floor(extract(epoch from {{ expression }}::interval))::bigint
{%- endmacro %}
