"""What clients of Postgres show of the tables that people read: comments, primary and foreign keys, names of indexes.

A build writes rows, not these. After it they are compared with the dbt project, and only what differs is written. No
reader waits longer than half a second for a lock that this needs: what cannot be had in that time comes with the next
build.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from assets.keys import published_schema
from assets.nodes import Reference, keys, references
from orchestration.warehouse.connection import Warehouse

SCHEMAS: Final[Mapping[str, str]] = {
    "marts": "Developers, clients, contracts, time, sessions, bills and money: the tables that are queried and joined.",
    "reports": "Views that answer a question each, made from marts.",
    "private": "What only finance reads: costs of people, personal bank rows, texts of sessions.",
}
# `not enforced`: nothing is checked twice, and a build may write in any order.
_NOT_ENFORCED_FROM: Final = 180000
_LOCK_TIMEOUT: Final = "set local lock_timeout = '500ms'"
_LONGEST_NAME: Final = 63
# The names that dbt gives to indexes.
_OF_DBT: Final = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Description:
    """What the dbt project says of a table or view that people read."""

    text: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    references: tuple[Reference, ...]


def read_descriptions(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Description]:
    """Read the descriptions, by schema and name.

    Args:
        manifest: dbt's `manifest.json`.
    """
    described = {}
    found, key = references(manifest, SCHEMAS), keys(manifest)
    for unique_id, node in manifest["nodes"].items():
        if node["schema"] != "building" or (schema := published_schema(node)) not in SCHEMAS:
            continue
        refers = {one.column: one for one in found.get(unique_id, ())}
        described[schema, str(node["name"])] = Description(
            text=" ".join(node["description"].split()),
            columns={
                column: _column_text(one["description"], refers.get(column)) for column, one in node["columns"].items()
            },
            key=key.get(unique_id, ()),
            references=tuple(refers.values()),
        )
    return described


def describe(warehouse: Warehouse, described: Mapping[tuple[str, str], Description]) -> None:
    """Write descriptions, keys and names of indexes where the warehouse has others.

    Args:
        warehouse: the warehouse, not while it is built.
        described: what `read_descriptions` returned. What does not exist yet is left out.
    """
    with warehouse.connect("transformer") as connection:
        if comments := list(_comments(connection, described)):
            with connection.transaction():
                connection.execute(sql.SQL("; ").join(comments))
        for statement in _index_statements(connection, described):
            _patiently(connection, statement)
        if connection.info.server_version >= _NOT_ENFORCED_FROM:
            for statement in _foreign_keys(connection, described):
                _patiently(connection, statement)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _column_text(text: str, reference: Reference | None) -> str:
    refers = f"References {reference.schema}.{reference.table}.{reference.key}." if reference else ""
    return " ".join([*text.split(), refers]).strip()


def _patiently(connection: psycopg.Connection, statement: sql.Composed) -> None:
    # A key that is null is reported by its data test.
    with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.NotNullViolation), connection.transaction():
        connection.execute(_LOCK_TIMEOUT)
        connection.execute(statement)


def _comments(
    connection: psycopg.Connection, described: Mapping[tuple[str, str], Description]
) -> Iterable[sql.Composed]:
    for schema, text in connection.execute(
        "select nspname, obj_description(oid, 'pg_namespace') from pg_namespace where nspname = any(%s)",
        [list(SCHEMAS)],
    ):
        if text != SCHEMAS[schema]:
            yield _comment("schema", schema, text=SCHEMAS[schema])
    for schema, name, kind, text, columns in connection.execute(
        """
        select
            nspname, relname, case relkind when 'v' then 'view' else 'table' end,
            max(description) filter (where attnum = 0),
            jsonb_object_agg(attname, description) filter (where attnum > 0)
        from pg_class
        inner join pg_namespace on pg_namespace.oid = relnamespace
        cross join lateral (
            select attnum, attname from pg_attribute where attrelid = pg_class.oid and attnum > 0 and not attisdropped
            union all
            select 0, null
        ) as attributes
        left join pg_description
            on objoid = pg_class.oid and classoid = 'pg_class'::regclass and objsubid = attnum
        where nspname = any(%s) and relkind in ('r', 'p', 'v', 'm')
        group by nspname, relname, relkind
        """,
        [list(SCHEMAS)],
    ):
        wanted = described.get((schema, name))
        if wanted is None:
            # Somebody's own.
            continue
        if wanted.text and text != wanted.text:
            yield _comment(kind, schema, name, text=wanted.text)
        for column, present in (columns or {}).items():
            if (expected := wanted.columns.get(column)) and present != expected:
                yield _comment("column", schema, name, column, text=expected)


def _comment(kind: str, *path: str, text: str) -> sql.Composed:
    return sql.SQL("comment on {} {} is {}").format(sql.SQL(kind), sql.Identifier(*path), sql.Literal(text))


def _index_statements(
    connection: psycopg.Connection, described: Mapping[tuple[str, str], Description]
) -> Iterable[sql.Composed]:
    """Primary keys from unique indexes of the keys, and names of the other indexes that dbt has made.

    A name is the table's and the columns': time_entries__developer_id__start_time; the macro `indexes_of` of the dbt
    project recognizes it.
    """
    for schema, table, index, kind, is_unique, is_primary, parts in connection.execute(
        """
        select
            nspname,
            tables.relname,
            names.relname,
            amname,
            indisunique and indisvalid and indpred is null and indexprs is null,
            indisprimary,
            array_agg(pg_get_indexdef(indexrelid, place::integer, true) order by place)
        from pg_index
        inner join pg_class as tables on tables.oid = indrelid
        inner join pg_class as names on names.oid = indexrelid
        inner join pg_am on pg_am.oid = names.relam
        inner join pg_namespace on pg_namespace.oid = tables.relnamespace
        cross join generate_series(1, indnkeyatts) as places (place)
        where nspname = any(%s)
        group by nspname, tables.relname, names.relname, amname, pg_index.indexrelid
        """,
        [list(SCHEMAS)],
    ).fetchall():
        if is_primary or (schema, table) not in described:
            continue
        # A name such as position comes in quotes.
        columns = [part.strip('"') for part in parts]
        wanted = "__".join([table, *columns, *([] if kind == "btree" else [kind])])
        if len(wanted) > _LONGEST_NAME:
            wanted = f"{wanted[: _LONGEST_NAME - 9]}_{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
        names = {
            "table": sql.Identifier(schema, table),
            "index": sql.Identifier(schema, index),
            "plain": sql.Identifier(index),
            "name": sql.Identifier(wanted),
        }
        if is_unique and set(columns) == set(described[schema, table].key):
            yield sql.SQL("alter table {table} add constraint {name} primary key using index {plain}").format(**names)
        elif _OF_DBT.fullmatch(index):
            yield sql.SQL("alter index {index} rename to {name}").format(**names)


def _foreign_keys(
    connection: psycopg.Connection, described: Mapping[tuple[str, str], Description]
) -> Iterable[sql.Composed]:
    """Foreign keys to primary keys, as far as both tables exist; those that no test holds any more are dropped."""
    primary = {
        (schema, table): columns
        for schema, table, columns in connection.execute(
            """
            select nspname, relname, array_agg(attname::text)
            from pg_constraint
            inner join pg_class on pg_class.oid = conrelid
            inner join pg_namespace on pg_namespace.oid = relnamespace
            inner join pg_attribute on attrelid = conrelid and attnum = any(conkey)
            where contype = 'p' and nspname = any(%s)
            group by nspname, relname
            """,
            [list(SCHEMAS)],
        )
    }
    tables = {
        (schema, name)
        for schema, name in connection.execute(
            "select schemaname, tablename from pg_tables where schemaname = any(%s)", [list(SCHEMAS)]
        )
    }
    wanted = {
        (*table, f"{table[1]}__{one.column}__fkey"): one
        for table, description in described.items()
        if table in tables
        for one in description.references
        if one.is_key and primary.get((one.schema, one.table)) == [one.key]
    }
    present = {
        (schema, table, name)
        for schema, table, name in connection.execute(
            """
            select nspname, relname, conname
            from pg_constraint
            inner join pg_class on pg_class.oid = conrelid
            inner join pg_namespace on pg_namespace.oid = relnamespace
            where contype = 'f' and nspname = any(%s) and conname like '%%\\_\\_fkey'
            """,
            [list(SCHEMAS)],
        )
    }
    for schema, table, name in sorted(present - wanted.keys()):
        yield sql.SQL("alter table {} drop constraint {}").format(sql.Identifier(schema, table), sql.Identifier(name))
    for schema, table, name in sorted(wanted.keys() - present):
        one = wanted[schema, table, name]
        yield sql.SQL("alter table {} add constraint {} foreign key ({}) references {} ({}) not enforced").format(
            sql.Identifier(schema, table),
            sql.Identifier(name),
            sql.Identifier(one.column),
            sql.Identifier(one.schema, one.table),
            sql.Identifier(one.key),
        )
