{# Every raw record that staging leaves out, counted under the name of the reason. -#}
{%- set tables = ['messages', 'events', 'prompts', 'tool_calls', 'ticket_mentions', 'unreadable_lines'] -%}
with

files as (
    select
        file_id,
        generation
    from {{ source('claude_code', 'files') }}
),

{% for table in tables -%}
    {{ table }} as (
        select
            '{{ table }}' as table_name,
            records.file_id,
            case when files.file_id is null then 'file_not_landed' else 'file_rewritten' end as reason,
            count(*) as records
        from {{ source('claude_code', table) }} as records
        left join files on records.file_id = files.file_id
        where records.generation is distinct from files.generation
        group by records.file_id, files.file_id
    ),

{% endfor -%}
final as (
    {%- for table in tables %}
        select * from {{ table }}
        {%- if not loop.last %}
            union all
        {%- endif %}
    {%- endfor %}
)

select * from final
