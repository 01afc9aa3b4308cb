-- Every raw record is in staging or in a named exclusion (rule 12.1).
{% set tables = {
    'messages': ref('stg_claude_code__messages'),
    'events': ref('stg_claude_code__events'),
    'prompts': ref('stg_claude_code__prompts'),
    'tool_calls': ref('stg_claude_code__tool_calls'),
    'ticket_mentions': ref('stg_claude_code__ticket_mentions'),
    'unreadable_lines': ref('stg_claude_code__unreadable_lines'),
} %}
{% set is_of_changed_files = is_among('file_id', changed_files()) %}
with

counts as (
    {% for table, staging in tables.items() -%}
        select
            '{{ table }}' as table_name,
            (
                select count(*) from {{ source('claude_code', table) }}
                where {{ is_of_changed_files }}
            ) as raw_records,
            (
                select count(*) from {{ staging }}
                where {{ is_of_changed_files }}
            ) as staged_records
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

exclusions as (
    select
        table_name,
        sum(records) as excluded_records
    from {{ ref('stg_claude_code__exclusions') }}
    where {{ is_of_changed_files }}
    group by table_name
)

select
    counts.table_name,
    counts.raw_records,
    counts.staged_records,
    exclusions.excluded_records
from counts
left join exclusions on counts.table_name = exclusions.table_name
where counts.raw_records <> counts.staged_records + coalesce(exclusions.excluded_records, 0)
