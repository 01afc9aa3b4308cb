{# Every raw record that staging leaves out, counted under the name of the reason. -#}
{%- set tables = ['messages', 'events', 'prompts', 'tool_calls'] -%}
with

files as (
    select
        file_id,
        generation
    from {{ source('claude_code', 'files') }}
),

{% for table in tables -%}
    {{ table }} as (
        with

        {{ replaced_records(table, record_key(table)) }}

        select
            '{{ table }}' as table_name,
            records.file_id,
            case when files.file_id is null then 'file_not_landed' else 'line_replaced' end as reason,
            count(*) as records
        from {{ source('claude_code', table) }} as records
        left join files on records.file_id = files.file_id
        where files.file_id is null or not ({{ is_not_replaced() }})
        group by records.file_id, files.file_id
    ),

{% endfor -%}
ticket_mentions as (
    select
        'ticket_mentions' as table_name,
        records.file_id,
        'file_not_landed' as reason,
        count(*) as records
    from {{ source('claude_code', 'ticket_mentions') }} as records
    left join files on records.file_id = files.file_id
    where files.file_id is null
    group by records.file_id
),

-- Unreadable lines are reported only for the file's current generation.
unreadable_lines as (
    select
        'unreadable_lines' as table_name,
        records.file_id,
        case when files.file_id is null then 'file_not_landed' else 'file_rewritten' end as reason,
        count(*) as records
    from {{ source('claude_code', 'unreadable_lines') }} as records
    left join files on records.file_id = files.file_id
    where records.generation is distinct from files.generation
    group by records.file_id, files.file_id
),

final as (
    {%- for table in tables + ['ticket_mentions', 'unreadable_lines'] %}
        select * from {{ table }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select * from final
