"""Roles and rights: who reads and who writes which schema."""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from orchestration.errors import WarehouseError
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.roles import ROLES, SCHEMA_OWNERS, Role, prepare


@pytest.fixture(scope="module")
def filled(warehouse: Warehouse) -> Warehouse:
    """A warehouse in which every layer holds one table, made by the role that makes it in earnest."""
    with warehouse.connect("loader") as connection:
        connection.execute("create table raw_clockify.users as select 'Ada' as name")
        connection.execute("create schema raw_clockify_staging")
        connection.execute("create table raw_clockify_staging.users as select 'Ada' as name")
    with warehouse.connect("transformer") as connection:
        for schema in ("staging", "intermediate", "registry", "snapshots", "marts", "private"):
            connection.execute(f"create table {schema}.people as select name from raw_clockify.users")
        connection.execute("create view reports.people as select name from marts.people")
        connection.execute("create view reports.hidden as select name from intermediate.people")
    with warehouse.connect("owner") as connection:
        connection.execute("create table billing.people as select 'Ada' as name")
    return warehouse


READABLE = {
    "loader": {"raw_clockify", "raw_clockify_staging"},
    "transformer": {"raw_clockify", "raw_clockify_staging", "staging", "intermediate", "registry", "snapshots"}
    | {"marts", "private", "reports", "billing"},
    "analyst": {"marts", "reports"},
    "finance": {"marts", "reports", "private", "billing"},
    "owner": {"raw_clockify", "raw_clockify_staging", "staging", "intermediate", "registry", "snapshots"}
    | {"marts", "private", "reports", "billing"},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_its_layers_and_no_other(filled: Warehouse, role: Role) -> None:
    readable = set()
    with filled.connect(role) as connection:
        for schema in READABLE["owner"]:
            table = "users" if schema.startswith("raw_") else "people"
            try:
                assert connection.execute(f"select name from {schema}.{table}").fetchall() == [("Ada",)]
                readable.add(schema)
            except psycopg.errors.InsufficientPrivilege:
                pass
    assert readable == READABLE[role]


def test_a_view_over_a_hidden_table_works_for_an_analyst(filled: Warehouse) -> None:
    with filled.connect("analyst") as connection:
        assert connection.execute("select name from reports.hidden").fetchall() == [("Ada",)]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_only_where_it_makes_tables(filled: Warehouse, role: Role) -> None:
    writable = set()
    with filled.connect(role) as connection:
        for schema in SCHEMA_OWNERS:
            try:
                connection.execute(f"create table {schema}.probe_{role} (id text)")
                connection.execute(f"drop table {schema}.probe_{role}")
                writable.add(schema)
            except psycopg.errors.InsufficientPrivilege:
                pass
    assert writable == {schema for schema, owner in SCHEMA_OWNERS.items() if owner == role}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_superuser_or_may_make_roles(warehouse: Warehouse, role: Role) -> None:
    with warehouse.connect(role) as connection:
        rights = "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = current_user"
        assert connection.execute(rights).fetchone() == (False, False, False, False)


def test_queries_of_analysts_time_out_and_those_of_pipelines_do_not(warehouse: Warehouse) -> None:
    limits = {}
    for role in ROLES:
        with warehouse.connect(role) as connection:
            limits[role] = connection.execute("show statement_timeout").fetchone()
    assert limits == {
        "loader": ("0",),
        "transformer": ("0",),
        "analyst": ("5s",),
        "finance": ("5s",),
        "owner": ("0",),
    }


def test_text_sorts_by_bytes_and_clocks_run_in_utc(warehouse: Warehouse) -> None:
    with warehouse.connect("analyst") as connection:
        ordered = connection.execute("select x from unnest(array['a', 'B', 'é', 'Z', 'z', '1']) as t(x) order by x")
        assert [row[0] for row in ordered] == ["1", "B", "Z", "a", "z", "é"]
        assert connection.execute("select upper('é'), current_setting('timezone')").fetchone() == ("É", "UTC")
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)


def test_an_unknown_role_is_named(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="no role 'analist'"):
        warehouse.dsn("analist")  # type: ignore[arg-type]


def test_an_older_server_is_refused() -> None:
    connection: Any = SimpleNamespace(info=SimpleNamespace(server_version=140009))
    with pytest.raises(WarehouseError, match="is PostgreSQL 14; Workledger needs 15 or newer"):
        prepare(connection, passwords=None, query_timeout_seconds=5)
