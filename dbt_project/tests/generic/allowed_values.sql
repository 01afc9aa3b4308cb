{#
    Every value of these columns is one of its list; null is allowed. One test for all columns of a model.

    columns: the allowed values, by column.
    A row of the result is a column and a value that is not allowed.
#}
{% test allowed_values(model, columns) %}
with model_rows as not materialized (select * from {{ model }})

{% for column, allowed in columns.items() %}
    select
        '{{ column }}' as column_name,
        {{ column }}::text as value,
        count(*) as rows_found
    from model_rows
    where {{ column }} not in ('{{ allowed | join("', '") }}')
    group by {{ column }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
{% endtest %}
