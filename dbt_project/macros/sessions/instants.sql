{# Instants of sessions as whole milliseconds since 1970, and the slots they fall into. For dates and zones, see time.sql. #}

{#
    Milliseconds since 1970 of a timestamp, anything finer cut off. The half microsecond outweighs the error of a double of
    this size (a quarter of one), so that 12:00:00.123 is never 122.
#}
{% macro epoch_milliseconds(instant) -%}
    floor(date_part('epoch', {{ instant }}) * 1000 + 0.0005)::bigint
{%- endmacro %}

{# The timestamp of whole milliseconds since 1970, exact: the interval is built of integers. #}
{% macro instant_of_milliseconds(milliseconds) -%}
    (timestamptz 'epoch' + ({{ milliseconds }}) * interval '1 millisecond')
{%- endmacro %}

{#
    A slot is a quarter of an hour: every zone's offset is a multiple of it, so no midnight and no clock change falls within one,
    and two of them make a bucket of session_activity.
#}
{% macro slot_milliseconds() %}900000{% endmacro %}

{# Number of the bucket (half hours since 1970) of a timestamp. #}
{% macro bucket_number(instant) -%}
    floor(date_part('epoch', {{ instant }}) / 1800)::bigint
{%- endmacro %}

{# Start of a bucket from its number. #}
{% macro bucket_start(number) -%}
    (timestamptz 'epoch' + ({{ number }}) * interval '30 minutes')
{%- endmacro %}
