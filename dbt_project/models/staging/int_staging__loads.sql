{{ config(materialized='table') }}

{# The tables that show a source's age; a new source adds one line. #}
{% set tables = [
    ('claude_code', 'files'),
    ('clickhouse', 'cdm_applications'),
    ('clickhouse', 'jira_issues'),
    ('clickhouse', 'tempo_worklogs_flat'),
    ('clockify', 'clients'),
    ('clockify', 'projects'),
    ('clockify', 'time_entries'),
    ('clockify', 'users'),
    ('github', 'commits'),
    ('github', 'pull_requests'),
    ('github', 'repositories'),
    ('jira', 'issues'),
    ('jira', 'projects'),
    ('jira', 'transitions'),
    ('plaid', 'accounts'),
    ('plaid', 'transactions'),
    ('tempo', 'accounts'),
    ('tempo', 'worklogs'),
] %}
with

landed as (
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
        source,
        table_name,
        last_changed_at
    from landed
)

select * from final
