{# Rows of every file in one shape, so that one snapshot keeps all their versions. #}
{% for file in reference_files() %}
    select
        '{{ file }}' as file,
        row_key,
        row_number,
        row_hash,
        to_jsonb(source_rows) - '{row_number,row_key,row_hash,loaded_at,_dlt_id,_dlt_load_id}'::text[] as content,
        loaded_at
    from {{ source('reference', file) }} as source_rows
    {% if not loop.last %}union all{% endif %}
{% endfor %}
