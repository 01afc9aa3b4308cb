{# The tables that time comes from, and how long they may bring nothing new before a person should ask: a long weekend. #}
{% set tables = [('claude_session', 'claude_code', 'files'), ('clockify', 'clockify', 'time_entries')] %}
{% if var('worklog_route') == 'tempo' %}
    {% do tables.append(('tempo', 'tempo', 'worklogs')) %}
{% else %}
    {% do tables.append(('tempo', 'clickhouse', 'tempo_worklogs_flat')) %}
{% endif %}
{% set days_without_news = 4 %}
with

agency as (
    select * from {{ ref('int_identity__agency') }}
),

loads as (
    {% for time_source, source_name, table_name in tables %}
        select
            '{{ time_source }}' as source,
            max(loaded_at) as last_changed_at
        from {{ source(source_name, table_name) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- A run that finds nothing new writes nothing, so silence is all there is to see (guide, freshness of data).
final as (
    select
        loads.source,
        loads.last_changed_at,
        {{ local_date('loads.last_changed_at', 'agency.timezone') }} as last_changed_on
    from loads
    cross join agency
    where {{ local_date('loads.last_changed_at', 'agency.timezone') }} < agency.as_of_date - {{ days_without_news }}
)

select * from final
