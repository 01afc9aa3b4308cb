{% set sources = ['clickhouse', 'clockify', 'github', 'jira', 'plaid', 'tempo'] %}
with

records as (
    {% for name in sources %}
        select
            '{{ name }}' as source,
            quarantine_id,
            table_name,
            native_id,
            reason,
            found_at
        from {{ source(name, 'quarantined_records') }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

lines as (
    select * from {{ ref('stg_claude_code__unreadable_lines') }}
),

final as (
    select
        source,
        quarantine_id as set_aside_id,
        table_name,
        nullif(native_id, '') as record_id,
        -- The rejected value follows the colon; it may be somebody's money or private text, so it is cut off.
        split_part(reason, ': ', 1) as reason,
        found_at
    from records
    union all
    select
        'claude_code' as source,
        concat_ws(':', file_id, line_offset, record_index) as set_aside_id,
        'lines' as table_name,
        path || ', byte ' || line_offset as record_id,
        reason,
        loaded_at as found_at
    from lines
)

select * from final
