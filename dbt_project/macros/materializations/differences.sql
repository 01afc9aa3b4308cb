{#
    Writing only what differs, so that readers wait for nothing, unchanged rows stay where they are, and Postgres' counts of rows written say
    whether a table changed (orchestration/warehouse/state.py).
#}

{#
    The statements that make rows of a table equal to those of another: rows that are gone or differ are deleted, those that are new or differ
    are inserted. Rows are compared byte by byte, as `refresh materialized view concurrently` does, so that 1.0 is not 1.00.

    target: the table; its columns are those of `given`, in the same order.
    given:  a table with the rows as they should be.
    key:    columns of a unique index without nulls, by which old and new rows are found; empty if there is none.
    scope:  a condition on `target` that says which of its rows are replaced; those of `given` are within it.
    given_scope: the same condition on `given`, where not all of its rows are within it.
#}
{% macro write_differences(target, given, key, scope='true', given_scope='true') -%}
    set local work_mem = '128MB';
    -- Two builds at once would both write; readers are not concerned.
    {{ patiently('lock table ' ~ target ~ ' in share update exclusive mode', target) }};

    create temporary table differences on commit drop as
    select
        old_rows.row_place as old_place,
        new_rows.row_place as new_place
    from (
        select
            target.ctid as row_place,
            target as contents
            {{- '' if key else numbered('target') }}
        from {{ target }} as target
        where {{ scope }}
    ) as old_rows
    full join (
        select
            given.ctid as row_place,
            given as contents
            {{- '' if key else numbered('given') }}
        from {{ given }} as given
        where {{ given_scope }}
    ) as new_rows
        on
            {%- if key %}
            {%- for column in key %}
            (old_rows.contents).{{ adapter.quote(column) }} = (new_rows.contents).{{ adapter.quote(column) }} and
            {%- endfor %}
            {%- else %}
            old_rows.row_hash = new_rows.row_hash and old_rows.number = new_rows.number and
            {%- endif %}
            old_rows.contents::record operator(pg_catalog.*=) new_rows.contents::record
    where old_rows.row_place is null or new_rows.row_place is null;

    {{ note_changes(target, key, given) }};

    delete from {{ target }} as target
    using differences
    where target.ctid = differences.old_place;

    insert into {{ target }}
    select given.*
    from {{ given }} as given
    inner join differences on given.ctid = differences.new_place
{%- endmacro %}

{# Without a key, rows are found by a hash; equal rows are told apart by a number. #}
{% macro numbered(row) -%}
    ,
            hash_record_extended({{ row }}, 0) as row_hash,
            row_number() over (partition by hash_record_extended({{ row }}, 0)) as number
{%- endmacro %}

{# Fails if rows of a temporary table share a key, and names one; a unique index would say it after half of the work. #}
{% macro check_key(target, given, key) -%}
    {%- if key -%}
    {%- set columns = key | map('tojson') | join(', ') -%}
    do $unique$
    declare
        shared text;
    begin
        select concat_ws(', ', {{ columns }}) into shared from {{ given }} group by {{ columns }} having count(*) > 1 limit 1;
        if found then
            raise unique_violation using message = 'rows of {{ target.identifier }} share {{ key | join(', ') }}: ' || shared;
        end if;
    end $unique$;
    {%- endif -%}
{%- endmacro %}

{# The query for the columns of `key` above, separated by commas; null if there is no such index. `table`: its oid. #}
{% macro key_query(table) -%}
    select string_agg(attributes.attname, ',' order by attributes.attnum) as key
    from pg_index as indexes
    inner join pg_attribute as attributes
        on indexes.indrelid = attributes.attrelid and attributes.attnum = any(indexes.indkey)
    where
        indexes.indrelid = {{ table }}
        and indexes.indisunique and indexes.indisvalid and indexes.indpred is null and indexes.indexprs is null
    group by indexes.indexrelid
    having bool_and(attributes.attnotnull)
    order by count(*), indexes.indexrelid
    limit 1
{%- endmacro %}

{# The same statements for an incremental strategy. #}
{% macro write_differences_within(arg_dict, scope) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set key = run_query('select (' ~ key_query("'" ~ target ~ "'::regclass") ~ ')').rows[0][0] -%}
    {%- set columns = key.split(',') if key else [] -%}
    {{ check_key(target, arg_dict['temp_relation'], columns) }}
    {{ write_differences(target, arg_dict['temp_relation'], columns, scope) }}
{%- endmacro %}
