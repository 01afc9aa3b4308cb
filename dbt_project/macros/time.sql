{# Dates, zones and durations. Timestamps are UTC; a local date is the date on somebody's wall (model, section 2). #}

{# The date of an instant in a zone. #}
{% macro local_date(instant, zone) -%}
    ({{ instant }} at time zone {{ zone }})::date
{%- endmacro %}

{# The instant at which a local date begins in a zone: midnight, or the first moment that exists. #}
{% macro day_start(local_date, zone) -%}
    ({{ local_date }}::timestamp at time zone {{ zone }})
{%- endmacro %}

{# Whether a date lies in a range with open ends; the last day belongs to it. #}
{% macro in_force(date, valid_from, valid_to) -%}
    ({{ date }} >= coalesce({{ valid_from }}, '-infinity'::date) and {{ date }} <= coalesce({{ valid_to }}, 'infinity'::date))
{%- endmacro %}

{# Whole seconds between two instants, floored (fine print, 1). #}
{% macro seconds_between(start_time, end_time) -%}
    floor(extract(epoch from {{ end_time }} - {{ start_time }}))::bigint
{%- endmacro %}

{# Whole seconds of an ISO-8601 duration such as PT1H15M. #}
{% macro iso_duration_seconds(expression) -%}
    floor(extract(epoch from {{ expression }}::interval))::bigint
{%- endmacro %}
