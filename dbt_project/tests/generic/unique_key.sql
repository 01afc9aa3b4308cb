{#
    No two rows share these columns, and neither these nor the further required columns are null. One test instead of one per column,
    because every test costs a build as much as a small model.

    columns: the key; required: further columns that are never null; other_keys: lists of columns that are keys as well.
    A row of the result is a value of a key, with the number of rows that share it and the columns that are null in one of them.
#}
{% test unique_key(model, columns, required=[], other_keys=[]) %}
with model_rows as not materialized (select * from {{ model }})

{% for key in [columns] + other_keys %}
    {% set complete = key + (required if loop.first else []) %}
    select
        '{{ key | join(', ') }}' as key_columns,
        concat_ws(', ', {{ key | join(', ') }}) as value,
        count(*) as rows_found,
        concat_ws(', '{% for column in complete %}, case when bool_or({{ column }} is null) then '{{ column }}' end{% endfor %}) as null_columns
    from model_rows
    group by {{ key | join(', ') }}
    having count(*) > 1{% for column in complete %} or bool_or({{ column }} is null){% endfor %}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
{% endtest %}
