{# Columns with their SQL types, including array types: the information schema calls every array ARRAY. #}
{% macro postgres__get_columns_in_relation(relation) -%}
    {% call statement('get_columns_in_relation', fetch_result=True) %}
        select
            attributes.attname as column_name,
            format_type(attributes.atttypid, null) as data_type,
            null::integer as character_maximum_length,
            null::integer as numeric_precision,
            null::integer as numeric_scale
        from pg_attribute as attributes
        inner join pg_class as relations on attributes.attrelid = relations.oid
        inner join pg_namespace as namespaces on relations.relnamespace = namespaces.oid
        where
            relations.relname = '{{ relation.identifier }}'
            -- A relation without a schema is a temporary table.
            and {% if relation.schema %}namespaces.nspname = '{{ relation.schema }}'{% else %}relations.relnamespace = pg_my_temp_schema(){% endif %}

            and attributes.attnum > 0
            and not attributes.attisdropped
        order by attributes.attnum
    {% endcall %}
    {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{%- endmacro %}
