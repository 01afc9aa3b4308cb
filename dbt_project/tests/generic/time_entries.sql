{# Reconciliations of counted time (rule 12.1). #}

{# For each developer, client and local day one source counts, work logs that name a contract included. #}
{% test one_source_per_day(model) %}
select
    developer_id,
    client_id,
    local_date,
    array_agg(distinct source) as sources
from {{ model }}
where is_counted and developer_id is not null
group by developer_id, client_id, local_date
having count(distinct source) > 1
{% endtest %}

{# A developer's counted day is no longer than a day (a day of 25 hours, when clocks go back, included). #}
{% test no_day_above_24_hours(model) %}
select
    developer_id,
    local_date,
    sum(allocated_seconds) as counted_seconds
from {{ model }}
where is_counted and developer_id is not null
group by developer_id, local_date
having sum(allocated_seconds) > 24 * 3600
{% endtest %}
