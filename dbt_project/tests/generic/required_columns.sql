{#
    None of these columns is null, in a model without a key of its own (`unique_key` has `required`).
    A row of the result is a column, with the number of rows in which it is null.
#}
{% test required_columns(model, columns) %}
with model_rows as not materialized (select * from {{ model }})

select
    required.column_name,
    count(*) as null_rows
from model_rows
cross join lateral (
    values
    {% for column in columns %}
        ('{{ column }}', model_rows.{{ column }} is null){% if not loop.last %},{% endif %}
    {% endfor %}
) as required (column_name, is_null)
where required.is_null
group by required.column_name
{% endtest %}
