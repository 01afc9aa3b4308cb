{#
    One publication. What people read is built in schema `building`, which they do not see. At the end of a run the tables and views that were
    built are brought to the schemas where they are read, in one transaction: whole, or not at all. Only what differs is written, and it is known
    from the build (`building.changes`), not searched for (decision 72).
#}

{# Before a run: what a build notes for its publication. #}
{% macro prepare_publication() -%}
    {%- if execute and flags.WHICH in ('build', 'run') and run_query("select to_regclass('building.publications')").rows[0][0] is none -%}
        begin;
        create table if not exists building.changes (name text not null, publication text, key jsonb);
        comment on table building.changes is
            'Rows written in schema building since they were last published, by key; without a key: compare the whole table';
        create table if not exists building.published (name text primary key, schema text not null, state text);
        comment on table building.published is
            'Relations published from schema building, and their state when they last were; without a state: compare the whole table';
        create view building.publications as
        select
            name,
            published.state is null
                or published.state is distinct from {{ state_of("to_regclass(quote_ident(published.schema) || '.' || quote_ident(name))") }}
                or exists (select from building.changes where changes.name = names.name and changes.key is null) as is_whole,
            exists (select from building.changes where changes.name = names.name) as is_changed
        from (select name from building.published union select name from building.changes) as names
        left join building.published using (name);
        comment on view building.publications is 'What is to be published, or was changed by something else';
        commit
    {%- endif -%}
{%- endmacro %}

{# Postgres' counts of rows written to a table, as in orchestration/warehouse/state.py; a view has none. #}
{% macro state_of(relation) -%}
    (
        select
            concat_ws(
                ' ',
                pg_class.oid,
                case
                    when pg_class.relkind = 'r' then
                        concat_ws(
                            ':',
                            extract(epoch from (select stats_reset from pg_stat_database where datname = current_database())),
                            extract(epoch from (select stats_reset from pg_stat_bgwriter)),
                            case when not current_setting('track_counts')::boolean then clock_timestamp() end,
                            pg_class.relfilenode,
                            pg_stat_get_tuples_inserted(pg_class.oid),
                            pg_stat_get_tuples_updated(pg_class.oid),
                            pg_stat_get_tuples_deleted(pg_class.oid)
                        )
                end
            )
        from pg_class
        where pg_class.oid = {{ relation }}
    )
{%- endmacro %}

{#
    At the end of a run: publishes what was built, in one transaction. What failed, was skipped or did not pass a test stays as it was published
    last, with everything of its group (`meta: publication`), and so does a group of which an earlier run has left something unpublished that this
    run has not built.

    results: what has become of the nodes of this run.
#}
{% macro publish(results) -%}
    {%- if not execute or flags.WHICH not in ('build', 'run') -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- set nodes = nodes_to_publish(results) -%}
    {%- if not nodes -%}
        {%- do return('') -%}
    {%- endif -%}
    {%- set schemas = {} -%}
    {%- for row in run_query('select name, schema from building.published').rows -%}
        {%- do schemas.update({row['name']: row['schema']}) -%}
    {%- endfor -%}
    {%- for name, node in nodes.items() -%}
        {%- do schemas.update({name: published_schema(node.config.schema, node)}) -%}
    {%- endfor -%}
    {%- set relations = run_query(relations_query(nodes, schemas)).rows -%}
    {%- set statements = [] -%}
    {%- set later = [] -%}
    {%- for one in relations if one['kind'] == 'table' -%}
        {%- do publish_table(one, statements, later) -%}
    {%- endfor -%}
    {%- do statements.extend(later) -%}
    {%- for one in relations if one['kind'] == 'view' -%}
        {%- do publish_view(one, schemas, statements) -%}
    {%- endfor -%}
    {%- if statements -%}
        begin;
        -- One publication at a time, and none while a build writes.
        lock table building.changes in share row exclusive mode;
        {{ statements | join(';\n') }};
        select pg_stat_force_next_flush();
        commit
    {%- endif -%}
{%- endmacro %}

{# After it, when its counts are there. A run that is killed before compares these tables whole the next time. #}
{% macro note_published() -%}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        begin;
        update building.published
        set state = {{ state_of("to_regclass(quote_ident(published.schema) || '.' || quote_ident(published.name))") }}
        where state is null;
        commit
    {%- endif -%}
{%- endmacro %}

{# What a run has built well, less groups that are not complete: nodes by name. #}
{% macro nodes_to_publish(results) -%}
    {%- set finished = results | map(attribute='node') | map(attribute='unique_id') | list -%}
    {%- for id in selected_resources if id.startswith('model.') and id not in finished -%}
        {#- The run was broken off. -#}
        {%- do return({}) -%}
    {%- endfor -%}
    {%- set ready = {} -%}
    {%- set held = {} -%}
    {%- set held_groups = [] -%}
    {%- for result in results if result.node.resource_type == 'model' and result.node.schema == 'building' -%}
        {%- if result.status == 'success' -%}
            {%- do ready.update({result.node.name: result.node}) -%}
        {%- else -%}
            {%- do held.update({result.node.name: none}) -%}
            {%- do held_groups.append(result.node.config.meta.get('publication')) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for result in results if result.node.resource_type == 'test' and result.status not in ('pass', 'warn', 'success') -%}
        {%- for id in result.node.depends_on.nodes if id.startswith('model.') and id.split('.')[-1] in ready -%}
            {%- do held.update({id.split('.')[-1]: none}) -%}
            {%- do held_groups.append(ready[id.split('.')[-1]].config.meta.get('publication')) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for row in run_query('select distinct name, publication from building.changes').rows if row['name'] not in ready -%}
        {%- do held.update({row['name']: none}) -%}
        {%- do held_groups.append(row['publication']) -%}
    {%- endfor -%}
    {%- set nodes = {} -%}
    {%- for name, node in ready.items() -%}
        {%- set waits = [] -%}
        {#- A view may ask for a column that its table is not published with yet. -#}
        {%- for id in node.depends_on.nodes if node.config.materialized == 'view' and id.startswith('model.') and id.split('.')[-1] in held -%}
            {%- do waits.append(id) -%}
        {%- endfor -%}
        {%- set publication = node.config.meta.get('publication') -%}
        {%- if name in held or waits or publication and publication in held_groups -%}
            {%- do held.update({name: none}) -%}
        {%- else -%}
            {%- do nodes.update({name: node}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(nodes) -%}
{%- endmacro %}

{# What is known of relations in schema `building` and of their published copies. #}
{% macro relations_query(names, schemas) -%}
    select
        wanted.*,
        case when built.relkind = 'v' then 'view' else 'table' end as kind,
        case when former.relkind = 'v' then 'view' when former.oid is not null then 'table' end as former_kind,
        {{ columns_of('built.oid', keyed='former.oid') }} = {{ columns_of('former.oid', keyed='former.oid') }} as stands,
        ({{ key_query('built.oid') }}) as key,
        coalesce(publications.is_whole, true) as is_whole,
        coalesce(publications.is_changed, true) as is_changed,
        {{ indexes_of('built.oid') }} as indexes,
        {{ indexes_of('former.oid') }} as former_indexes,
        case when built.relkind = 'v' then rtrim(pg_get_viewdef(built.oid), ';') end as definition,
        case when former.relkind = 'v' then rtrim(pg_get_viewdef(former.oid), ';') end as former_definition
    from (
        values
        {%- for name in names %}
            ({{ loop.index }}, '{{ name }}', '{{ schemas[name] }}')
            {{- ',' if not loop.last }}
        {%- endfor %}
    ) as wanted (place, name, schema)
    inner join pg_class as built on built.oid = to_regclass(format('building.%I', wanted.name))
    left join pg_class as former on former.oid = to_regclass(format('%I.%I', wanted.schema, wanted.name))
    left join building.publications on wanted.name = publications.name
    order by wanted.place
{%- endmacro %}

{#
    Adds the statements that publish a table.

    one:        a row of `relations_query`.
    statements: to which they are added.
    later:      to which those are added that take a lock which readers notice.
#}
{% macro publish_table(one, statements, later) -%}
    {%- set built = api.Relation.create(database, 'building', one['name'], type='table') -%}
    {%- set target = api.Relation.create(database, one['schema'], one['name'], type='table') -%}
    {%- if one['former_kind'] == 'table' and one['stands'] -%}
        {%- set indexes = fromjson(one['indexes'] or '{}') -%}
        {%- set former_indexes = fromjson(one['former_indexes'] or '{}') -%}
        {%- if one['is_whole'] or one['is_changed'] -%}
            {#- Changes noted under another key name no row. -#}
            {%- set is_keyed = one['key'] and not one['is_whole'] and indexes.values() | sort == former_indexes.values() | sort -%}
            {%- do statements.append(publish_rows(target, built, one['key'].split(',') if is_keyed else [], one)) -%}
        {%- endif -%}
        {%- for name, description in former_indexes.items() if description not in indexes.values() -%}
            {#- It may be that of the primary key. -#}
            {%- do later.append(patiently(
                'alter table ' ~ target ~ ' drop constraint if exists ' ~ name.split('.')[-1] ~ ' cascade; drop index if exists ' ~ name, target
            )) -%}
        {%- endfor -%}
        {%- for description in indexes.values() if description not in former_indexes.values() -%}
            {%- do statements.append(index_like(target, description)) -%}
        {%- endfor -%}
    {%- else -%}
        {%- set given = target if one['former_kind'] is none else make_intermediate_relation(target) -%}
        {%- do statements.append(
            'drop table if exists ' ~ given ~ ';'
            ~ 'create table ' ~ given ~ ' (like ' ~ built ~ ' including all excluding indexes);'
            ~ 'insert into ' ~ given ~ ' select * from ' ~ built
        ) -%}
        {%- for description in fromjson(one['indexes'] or '{}').values() -%}
            {%- do statements.append(index_like(given, description)) -%}
        {%- endfor -%}
        {%- do statements.append('analyze ' ~ given) -%}
        {%- if one['former_kind'] is not none -%}
            {%- do later.append(exchange_statements(target.incorporate(type=one['former_kind']), given, target)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if one['is_whole'] or one['is_changed'] or not one['stands'] -%}
        {%- do later.append(forget(one)) -%}
    {%- endif -%}
{%- endmacro %}

{# The statements that bring the rows that have changed, or all that differ, to a published table. #}
{% macro publish_rows(target, built, changed_key, one) -%}
    {%- set key = one['key'].split(',') if one['key'] else [] -%}
    {%- set columns = [] -%}
    {%- for column in changed_key -%}
        {%- do columns.append(adapter.quote(column)) -%}
    {%- endfor -%}
    {%- if columns -%}
        create temporary table changed_keys on commit drop as
        select distinct
            {%- for column in columns %}
            rows.{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        from building.changes
        cross join jsonb_populate_record(null::{{ built }}, changes.key) as rows
        where changes.name = '{{ one['name'] }}';
        analyze changed_keys;
        {{ write_differences(target, built, key,
            scope='(target.' ~ columns | join(', target.') ~ ') in (select * from changed_keys)',
            given_scope='(given.' ~ columns | join(', given.') ~ ') in (select * from changed_keys)') }};
        drop table changed_keys;
    {%- else -%}
        {{ write_differences(target, built, key) }};
    {%- endif %}
    drop table differences
{%- endmacro %}

{# Adds the statements that publish a view: its text with the published names. #}
{% macro publish_view(one, schemas, statements) -%}
    {%- set replaced = {'definition': one['definition']} -%}
    {#- A name comes after those that begin with it. -#}
    {%- for name, schema in schemas | dictsort(reverse=true) -%}
        {%- do replaced.update({'definition': replaced['definition'].replace('building.' ~ name, schema ~ '.' ~ name)}) -%}
    {%- endfor -%}
    {%- set target = api.Relation.create(database, one['schema'], one['name'], type='view') -%}
    {%- if replaced['definition'] != one['former_definition'] -%}
        {%- set given = target if one['former_kind'] is none else make_intermediate_relation(target) -%}
        {%- do statements.append('drop view if exists ' ~ given) -%}
        {%- do statements.append('create view ' ~ given ~ ' as ' ~ replaced['definition']) -%}
        {%- if one['former_kind'] is not none -%}
            {%- do statements.append(exchange_statements(target.incorporate(type=one['former_kind']), given, target)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if one['is_whole'] or replaced['definition'] != one['former_definition'] -%}
        {%- do statements.append(forget(one)) -%}
    {%- endif -%}
{%- endmacro %}

{# Takes what is now published from what is to be published; `note_published` follows. #}
{% macro forget(one) -%}
    delete from building.changes
    where name = '{{ one['name'] }}';
    insert into building.published (name, schema)
    values ('{{ one['name'] }}', '{{ one['schema'] }}')
    on conflict (name) do update set schema = excluded.schema, state = null
{%- endmacro %}

{# An index by its description (`indexes_of`), with a name as dbt gives it. #}
{% macro index_like(relation, description) -%}
    {%- set unique, method, columns = modules.re.match('(unique )?([a-z]+) (.*)', description).groups() -%}
    create {{ unique or '' }}index "{{ local_md5(relation ~ description ~ modules.datetime.datetime.now()) }}" on {{ relation }}
    using {{ method }} ({{ columns }})
{%- endmacro %}

{#
    What a build writes in schema `building` is noted, for its publication and for tests that look at what was written.

    target: the table that is written; its columns in `meta: noted` are noted, too.
    key:    the columns of its key; empty if the whole table is to be compared.
    given:  with a key, the temporary table of rows; `differences` says which of them.
#}
{% macro note_changes(target, key=[], given=none) -%}
    {%- if target.schema == 'building' -%}
    {%- set publication = model.config.meta.get('publication') -%}
    {%- set publication = "'" ~ publication ~ "'" if publication else 'null' -%}
    {%- set noted = (key + model.config.meta.get('noted', [])) | unique | list -%}
    insert into building.changes (name, publication, key)
    {%- if given and noted %}
    {%- for rows, place in ((target, 'old_place'), (given, 'new_place')) %}
    select
        '{{ target.identifier }}',
        {{ publication }},
        jsonb_build_object(
            {%- for column in noted %}
            '{{ column }}', rows.{{ adapter.quote(column) }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    from {{ rows }} as rows
    inner join differences on rows.ctid = differences.{{ place }}
    {{ 'union' if not loop.last }}
    {%- endfor %}
    {%- elif given %}
    select '{{ target.identifier }}', {{ publication }}, null where exists (select from differences)
    {%- else %}
    values ('{{ target.identifier }}', {{ publication }}, null)
    {%- endif %}
    {%- endif -%}
{%- endmacro %}
