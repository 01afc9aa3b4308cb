{# How long a source of time may bring nothing new before a person should check it: a long weekend. #}
{% set days_without_news = 4 %}
with

agency as (
    select
        *,
        {{ as_of_date('timezone') }} as as_of_date
    from {{ ref('int_identity__agency') }}
),

loads as (
    select * from {{ ref('int_staging__loads') }}
),

-- The raw table of each source of time; work logs are left out, because their file may rightly stay unchanged.
time_sources as (
    select *
    from (
        values
        ('claude_session', 'claude_code', 'files'),
        ('clockify', 'clockify', 'time_entries'),
        {% if var('worklog_route') == 'tempo' %}
            ('tempo', 'tempo', 'worklogs')
        {% else %}
            ('tempo', 'clickhouse', 'tempo_worklogs_flat')
        {% endif %}
    ) as named_tables (source, raw_source, table_name)
),

-- A run that finds nothing new writes nothing, so only the age of the newest row is known.
dated as (
    select
        time_sources.source,
        {{ local_date('loads.last_changed_at', 'agency.timezone') }} as last_changed_on,
        agency.as_of_date
    from time_sources
    inner join loads on time_sources.raw_source = loads.source and time_sources.table_name = loads.table_name
    cross join agency
),

final as (
    select
        source,
        last_changed_on
    from dated
    where last_changed_on < as_of_date - {{ days_without_news }}
)

select * from final
