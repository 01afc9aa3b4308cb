{#
    No two rows share these columns, and none of them is null, nor any of the further required ones: what identifies and completes a row,
    in one test instead of one for each column, because every test costs a build as much as a small model.
#}
{% test unique_key(model, columns, required=[]) %}
select
    {{ columns | join(', ') }},
    count(*) as rows_found
from {{ model }}
group by {{ range(1, columns | length + 1) | join(', ') }}
having count(*) > 1{% for column in columns + required %} or bool_or({{ column }} is null){% endfor %}
{% endtest %}
