{#
    Every value of these columns is a row of another model; null is allowed. One test for all columns of a model.

    columns: the model that each column refers to, by column: `clients` is its column id, `applications.application_id` another one.
    warn: columns whose values may arrive before the other model's row, because they come from another system; they warn instead of failing.
    A row of the result is a column and a value that the other model does not have.
#}
{% test foreign_keys(model, columns, warn=[]) %}{{ config(warn_if="!= 0", error_if="!= 0 and bool_or(severity = 'error')") }}
with children as not materialized (select * from {{ model }})

{% for column, target in columns.items() %}
    {% do config(warn_if="!= 0", error_if="!= 0 and bool_or(severity = 'error')") %}
    {% set parent, key = target.split('.') if '.' in target else (target, 'id') %}
    select
        '{{ column }}' as column_name,
        children.{{ column }}::text as value,
        '{{ parent }}.{{ key }}' as missing_in,
        count(*) as rows_found,
        '{{ 'warn' if column in warn else 'error' }}' as severity
    from children
    left join {{ ref(parent) }} as parents on children.{{ column }} = parents.{{ key }}
    where children.{{ column }} is not null and parents.{{ key }} is null
    group by children.{{ column }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
{% endtest %}
