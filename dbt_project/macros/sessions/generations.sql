{# Generations of transcript files: a landed line counts, even if the file no longer contains it. #}

{#
    CTE `replaced`: records of an earlier generation of a file of which a later generation has another version, found by `line_key`. A
    file is rewritten when a session is resumed or compacted, and lines missing from the rewritten file were still paid for.
    Only rewritten files are read.
#}
{% macro replaced_records(table, line_key) -%}
    replaced as (
        select distinct
            earlier.file_id,
            earlier.generation,
            earlier.line_offset,
            earlier.record_index
        from {{ source('claude_code', 'files') }} as rewritten
        inner join {{ source('claude_code', table) }} as earlier
            on
                rewritten.file_id = earlier.file_id
                and rewritten.generation > earlier.generation
        inner join {{ source('claude_code', table) }} as later
            on
                earlier.file_id = later.file_id
                and earlier.generation < later.generation
                and {{ line_key | replace('$', 'earlier.') }} = {{ line_key | replace('$', 'later.') }}
        -- As an equation: the planner then expects few rewritten files, and does not sort all records to join them with nothing.
        where sign(rewritten.generation) = 1
    )
{%- endmacro %}

{# The key by which two records of one table are the same line of a file: the line's own id, else its content. `$` is replaced by the table's alias. #}
{% macro record_key(table) -%}
    {{ return({
        'messages': "coalesce($uuid, concat_ws('|', $message_id, $answered_at))",
        'events': "coalesce($uuid, concat_ws('|', $kind, $occurred_at))",
        'prompts': "coalesce($uuid, concat_ws('|', $prompt_id, $prompted_at, md5($prompt_text)))",
        'tool_calls': "coalesce($uuid, $tool_use_id)",
    }[table]) }}
{%- endmacro %}

{# Condition that a record of `records` is in no row of the CTE `replaced`. #}
{% macro is_not_replaced() -%}
    not exists (
        select 1
        from replaced
        where
            replaced.file_id = records.file_id
            and replaced.generation = records.generation
            and replaced.line_offset = records.line_offset
            and replaced.record_index = records.record_index
    )
{%- endmacro %}

{# A record's place as text, for records without an id. #}
{% macro place_key(relation) -%}
    {{ relation }}.file_id || case when {{ relation }}.generation > 0 then '.' || {{ relation }}.generation else '' end
    || ':' || {{ relation }}.line_offset || ':' || {{ relation }}.record_index
{%- endmacro %}
