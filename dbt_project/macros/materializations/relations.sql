{# How tables and views are made and exchanged. #}

{# A temporary table of a model's rows, with the columns and constraints of its contract where it has one. #}
{% macro create_rows(relation, sql) -%}
    {%- if config.get('contract').enforced -%}
    {{ get_assert_columns_equivalent(sql) }}
    create temporary table {{ relation }} {{ get_table_columns_and_constraints() }} on commit drop;
    insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }}) (
        {{ get_select_subquery(sql) }}
    )
    {%- else -%}
    create temporary table {{ relation }} on commit drop as (
        {{ sql }}
    )
    {%- endif -%}
{%- endmacro %}

{#
    Builds a table whole. Where it exists with the columns that it should have, only what differs is written, and what hangs on it stays. Else it
    is exchanged, and the views on it are made again, all in the transaction of the model.
#}
{% macro build_whole(existing_relation, target_relation, sql) -%}
    {%- if existing_relation is none -%}
        {% call statement('main') -%}
            {{ get_create_table_as_sql(False, target_relation, sql) }}
        {%- endcall %}
        {% do create_indexes(target_relation) %}
        {% do run_query('analyze ' ~ target_relation ~ '; ' ~ note_changes(target_relation)) %}
        {% do return(none) %}
    {%- endif -%}
    {%- set given = make_temp_relation(target_relation) -%}
    {% call statement('main') -%}
        {{ create_rows(given, sql) }}
    {%- endcall %}
    {%- set former = former_table(target_relation, given) if existing_relation.is_table else {'stands': false} -%}
    {%- if former['stands'] -%}
        {% do keep_indexes(target_relation, former['indexes']) %}
        {%- set key = former['key'].split(',') if former['key'] else [] -%}
        {% call statement() -%}
            {{ check_key(target_relation, given, key) }}
            {{ write_differences(target_relation, given, key) }}
        {%- endcall %}
        {#- Where only a few rows change, autovacuum keeps the statistics up to date. -#}
        {%- set written = run_query('select count(*), count(*) > 0.1 * (select count(*) from ' ~ given ~ ') from differences').rows[0] -%}
        {%- set is_much = written[0] and written[1] -%}
    {%- else -%}
        {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
        {% call statement() -%}
            drop table if exists {{ intermediate_relation }};
            {{ get_create_table_as_sql(False, intermediate_relation, 'select * from ' ~ given) }}
        {%- endcall %}
        {% do create_indexes(intermediate_relation) %}
        {% do exchange(existing_relation, intermediate_relation, target_relation) %}
        {% do run_query(note_changes(target_relation)) %}
        {%- set is_much = true -%}
    {%- endif -%}
    {%- if is_much -%}
        {% do run_query('analyze ' ~ target_relation) %}
    {%- endif -%}
{%- endmacro %}

{#
    What is known of a table: whether it has the columns that it should have (names, types, order, required ones, constraints), the columns of
    its key, and the indexes that dbt made, as names and descriptions.
#}
{% macro former_table(target, given) -%}
    {%- set found = run_query("
        select
            " ~ columns_of("'" ~ target ~ "'::regclass") ~ " = " ~ columns_of("'" ~ given ~ "'::regclass") ~ " as stands,
            (" ~ key_query("'" ~ target ~ "'::regclass") ~ ") as key,
            " ~ indexes_of("'" ~ target ~ "'::regclass") ~ " as indexes
    ").rows[0] -%}
    {%- do return({'stands': found['stands'], 'key': found['key'], 'indexes': fromjson(found['indexes'] or '{}')}) -%}
{%- endmacro %}

{# The indexes with names that dbt or Workledger gives, as a JSON object of names and descriptions. `table`: its oid. #}
{% macro indexes_of(table) -%}
    (
        select json_object_agg(
            indexes.indexrelid::regclass::text,
            concat_ws(
                ' ',
                case when indexes.indisunique then 'unique' end,
                methods.amname,
                (
                    select string_agg(pg_get_indexdef(indexes.indexrelid, position, true), ',' order by position)
                    from generate_series(1, indexes.indnkeyatts) as position
                )
            )
        )
        from pg_index as indexes
        inner join pg_class as relations on indexes.indexrelid = relations.oid
        inner join pg_class as tables on indexes.indrelid = tables.oid
        inner join pg_am as methods on relations.relam = methods.oid
        where
            indexes.indrelid = {{ table }}
            -- The names that dbt gives, and those of published tables (orchestration/warehouse/descriptions.py).
            and (relations.relname ~ '^[0-9a-f]{32}$' or starts_with(relations.relname, tables.relname || '__'))
    )::text
{%- endmacro %}

{# Names, types, order and constraints of columns. `table`: its oid; `keyed`: that of a table whose primary key requires columns of both. #}
{% macro columns_of(table, keyed=none) -%}
    concat_ws(
        ';',
        (
            select string_agg(
                concat_ws(
                    ' ',
                    attname,
                    format_type(atttypid, atttypmod),
                    {% if keyed -%}
                    attnum = any(coalesce((select conkey from pg_constraint where conrelid = {{ keyed }} and contype = 'p'), '{}')) or
                    {% endif -%}
                    attnotnull,
                    attcollation
                ),
                ',' order by attnum
            )
            from pg_attribute
            where attrelid = {{ table }} and attnum > 0 and not attisdropped
        ),
        (
            select string_agg(pg_get_constraintdef(pg_constraint.oid), ',' order by pg_get_constraintdef(pg_constraint.oid))
            from pg_constraint
            inner join pg_class on pg_constraint.conrelid = pg_class.oid
            where
                pg_constraint.conrelid = {{ table }}
                and pg_constraint.contype in ('c', 'f', 'p', 'u')
                -- Keys that only published tables have (orchestration/warehouse/descriptions.py).
                and not starts_with(pg_constraint.conname, pg_class.relname || '__')
        )
    )
{%- endmacro %}

{# Creates indexes that the model's configuration names and the table lacks, and drops those of dbt's that it no longer names. #}
{% macro keep_indexes(target, present) -%}
    {%- set wanted = {} -%}
    {%- for one in config.get('indexes', default=[]) -%}
        {%- set columns = one['columns'] | join(',') -%}
        {%- do wanted.update({('unique ' if one.get('unique') else '') ~ one.get('type', 'btree') ~ ' ' ~ columns: one}) -%}
    {%- endfor -%}
    {%- for name, description in present.items() if description not in wanted -%}
        {%- do run_query(patiently('drop index ' ~ name, target)) -%}
    {%- endfor -%}
    {%- for description, one in wanted.items() if description not in present.values() -%}
        {%- do run_query(get_create_index_sql(target, one)) -%}
    {%- endfor -%}
{%- endmacro %}

{#
    Puts a new relation in the place of an existing one, with the rights given on it, and makes the views on it again. A view that asks for a
    column that is no longer there is left out; dbt builds it after.
#}
{% macro exchange(existing_relation, new_relation, target_relation) -%}
    {%- set below = views_on(existing_relation, target_relation) -%}
    {%- do run_query(exchange_statements(existing_relation, new_relation, target_relation, below)) -%}
    {%- for row in below -%}
        {%- if run_query("select to_regclass('" ~ row['name'] ~ "')").rows[0][0] is none -%}
            {#- For dbt's cache. -#}
            {%- do adapter.drop_relation(api.Relation.create(database, row['schema'], row['identifier'], type='view')) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{# The statements for it. #}
{% macro exchange_statements(existing_relation, new_relation, target_relation, below=none) -%}
    {{ patiently('drop ' ~ existing_relation.type ~ ' if exists ' ~ existing_relation ~ ' cascade', existing_relation) }};
    alter {{ target_relation.type }} {{ new_relation }} rename to {{ adapter.quote(target_relation.identifier) }}
    {%- for row in below or views_on(existing_relation, target_relation) %};
    -- Published views that are made again are others than those noted.
    update building.published set state = null where schema = '{{ row['schema'] }}' and name = '{{ row['identifier'] }}';
    do $again$ begin
        {{ row['again'] }};
    exception when undefined_column or undefined_table or undefined_function or datatype_mismatch or insufficient_privilege then
        raise notice '%', sqlerrm;
    end $again$
    {%- endfor -%}
{%- endmacro %}

{# An existing relation, and the views on it, each after those that it reads, with the statements that make them again. #}
{% macro views_on(existing_relation, target_relation) -%}
    {%- set below = run_query("
        with recursive dependents as (
            select
                '" ~ existing_relation ~ "'::regclass::oid as oid,
                0 as depth
            union
            select
                rewrites.ev_class,
                dependents.depth + 1
            from dependents
            inner join pg_depend as dependencies
                on
                    dependents.oid = dependencies.refobjid
                    and dependencies.refclassid = 'pg_class'::regclass
                    and dependencies.classid = 'pg_rewrite'::regclass
            inner join pg_rewrite as rewrites on dependencies.objid = rewrites.oid and rewrites.ev_class != dependents.oid
        ),

        relations as (
            select
                pg_class.*,
                max(dependents.depth) as depth,
                format('%I.%I', nspname, relname) as name
            from dependents
            inner join pg_class on dependents.oid = pg_class.oid
            inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
            group by pg_class.oid, pg_namespace.oid
        )

        select
            name,
            relname as identifier,
            relnamespace::regnamespace::text as schema,
            concat_ws(
                '; ',
                case when depth > 0 then format('create view %s as %s', name, rtrim(pg_get_viewdef(oid), ';')) end,
                (
                    select
                        string_agg(
                            format(
                                'grant %s on %s to %s',
                                privilege_type,
                                name,
                                case when grantee = 0 then 'public' else grantee::regrole::text end
                            ),
                            '; '
                        )
                    from aclexplode(relacl)
                    where grantee != relowner
                ),
                format(
                    'comment on %s %s is %L',
                    case when relkind = 'v' or depth = 0 and '" ~ target_relation.type ~ "' = 'view' then 'view' else 'table' end,
                    name,
                    obj_description(oid, 'pg_class')
                )
            ) as again
        from relations
        order by depth
    ").rows -%}
    {%- do return(below) -%}
{%- endmacro %}

{#
    A statement that needs a lock which readers, or another build, may hold. It tries for half a second at a time, so that no reader waits behind
    it for longer, and for a minute in all, which is the longest that a reader's idle transaction lasts; then it names the sessions in the way.

    statement: what to do; it takes the lock.
    relation:  the relation to be locked, and with it the views on it.
    attempts:  how often it tries.
#}
{% macro patiently(statement, relation, attempts=40) -%}
    do $patiently$
    declare
        in_the_way text;
    begin
        for attempt in 1..{{ attempts }} loop
            begin
                perform set_config('lock_timeout', '500ms', true);
                {{ statement }};
                perform set_config('lock_timeout', '0', true);
                return;
            exception when lock_not_available then
                with recursive locked as (
                    select '{{ relation }}'::regclass::oid as oid
                    union
                    select rewrites.ev_class
                    from locked
                    inner join pg_depend as dependencies
                        on locked.oid = dependencies.refobjid and dependencies.classid = 'pg_rewrite'::regclass
                    inner join pg_rewrite as rewrites on dependencies.objid = rewrites.oid
                )

                select
                    string_agg(
                        distinct format('session %s', locks.pid)
                        || coalesce(' of role ' || sessions.usename, '')
                        || coalesce(' (' || nullif(sessions.application_name, '') || ')', '')
                        || coalesce(', in a transaction since ' || to_char(sessions.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'), ''),
                        '; '
                    )
                into in_the_way
                from locked
                inner join pg_locks as locks on locked.oid = locks.relation and locks.granted and locks.pid != pg_backend_pid()
                left join pg_stat_activity as sessions on locks.pid = sessions.pid;
                if attempt = {{ attempts }} then
                    raise lock_not_available using message = format(
                        '{{ relation.schema }}.{{ relation.identifier }} is in use by %s. End it, with pg_terminate_backend if need be; the next run makes up for it',
                        coalesce(in_the_way, 'a session that has ended meanwhile')
                    );
                end if;
                perform pg_sleep(1);
            end;
        end loop;
    end $patiently$
{%- endmacro %}
