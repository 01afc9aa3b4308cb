{# The tables by which a source's age is told; a further source is one more line. #}
{% set tables = [
    ('claude_code', 'files'),
    ('clockify', 'clients'),
    ('clockify', 'projects'),
    ('clockify', 'time_entries'),
    ('clockify', 'users'),
] %}
with

agency as (
    select * from {{ ref('int_identity__agency') }}
),

loads as (
    {% for source_name, table_name in tables %}
        select
            '{{ source_name }}' as source,
            '{{ table_name }}' as table_name,
            max(loaded_at) as last_changed_at
        from {{ source(source_name, table_name) }}
        union all
    {% endfor %}
    select
        'reference' as source,
        file as table_name,
        max(loaded_at) as last_changed_at
    from {{ ref('stg_reference__rows') }}
    group by file
),

final as (
    select
        loads.source,
        loads.table_name,
        loads.last_changed_at,
        {{ seconds_between('loads.last_changed_at', 'agency.as_of') }} as age_seconds
    from loads
    cross join agency
)

select * from final
