"""Roles and rights: who reads and who writes which schema."""

import contextlib
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

from orchestration.errors import WarehouseError
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.readers import end_overlong_sessions
from orchestration.warehouse.roles import READERS, ROLES, SCHEMA_OWNERS, Role, prepare


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
    return warehouse


READABLE = {
    "loader": {"raw_clockify", "raw_clockify_staging"},
    "transformer": {"raw_clockify", "raw_clockify_staging", "staging", "intermediate", "registry", "snapshots"}
    | {"marts", "private", "reports"},
    "analyst": {"marts", "reports"},
    "bi": {"marts", "reports"},
    "finance": {"marts", "reports", "private"},
    "owner": {"raw_clockify", "raw_clockify_staging", "staging", "intermediate", "registry", "snapshots"}
    | {"marts", "private", "reports"},
}
# Who reads what of schema billing is in tests/invoicing/test_schema.py.


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
        connection.execute("set default_transaction_read_only = off")
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
        "bi": ("1min",),
        "finance": ("5s",),
        "owner": ("0",),
    }


@pytest.mark.parametrize("role", READERS)
def test_a_session_of_a_reader_starts_with_limits(warehouse: Warehouse, role: Role) -> None:
    with warehouse.connect(role) as connection:
        found = connection.execute(
            "select current_setting('default_transaction_read_only'), current_setting('work_mem'),"
            " current_setting('idle_in_transaction_session_timeout'), current_setting('temp_file_limit')"
        ).fetchone()
        assert found == ("on", "32MB", "1min", "2GB")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set temp_file_limit = -1")


def test_a_reader_need_not_name_the_schema(filled: Warehouse) -> None:
    paths = {}
    for role in READERS:
        with filled.connect(role) as connection:
            paths[role] = connection.execute("show search_path").fetchone()
            # Of the two tables of that name, that of marts.
            assert connection.execute("select 'people'::regclass = 'marts.people'::regclass").fetchone() == (True,)
    assert paths == {"analyst": ("marts, reports",), "bi": ("marts, reports",), "finance": ("marts, reports, private",)}


# What a login of Postgres may do by default, or what would help to reach more than what a role may read.
FORBIDDEN = [
    "create temporary table x ()",
    "create schema mine",
    "create extension dblink",
    "create function public.f() returns int language sql as 'select 1'",
    "create function pg_temp.f() returns int language sql as 'select 1'",
    "create table public.x ()",
    "copy (select 1) to program 'id'",
    "copy (select 1) to '/tmp/x'",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select lo_create(0)",
    "select lo_from_bytea(0, '')",
    "select lo_import('/etc/passwd')",
    "select pg_logical_emit_message(false, 'x', 'y')",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_xact_lock_shared(1, 2)",
    "select pg_terminate_backend(pg_backend_pid())",
    "select pg_cancel_backend(pg_backend_pid())",
    "select pg_reload_conf()",
    "set role transformer",
    "set session authorization transformer",
    "set log_statement = 'all'",
    "alter role current_user superuser",
    "alter role current_user connection limit 90",
    "alter role transformer password 'x'",
    "grant transformer to current_user",
    "alter database {database} set search_path = x",
    "comment on schema marts is 'x'",
    "do $$ begin lock table marts.people in share mode; end $$",
    "select rolpassword from pg_authid",
]


@pytest.mark.parametrize("role", READERS)
def test_a_reader_can_do_no_more_than_read(filled: Warehouse, role: Role) -> None:
    done = []
    with filled.connect(role) as connection:
        connection.execute("set default_transaction_read_only = off")
        for attempt in FORBIDDEN:
            try:
                connection.execute(attempt.format(database=filled.database))
                done.append(attempt)
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
                # The embedded server comes without extensions.
                pass
    assert done == []


@pytest.mark.parametrize("role", READERS)
def test_a_reader_sees_no_query_of_a_pipeline_or_of_another_role(warehouse: Warehouse, role: Role) -> None:
    with warehouse.connect("transformer"), warehouse.connect("owner"), warehouse.connect(role) as connection:
        seen = connection.execute(
            "select usename, query from pg_stat_activity where usename in ('transformer', 'owner', 'postgres')"
        ).fetchall()
        assert len(seen) >= 2
        assert {query for _, query in seen} == {"<insufficient privilege>"}


@pytest.mark.parametrize("database", ["postgres", "template1", "another"])
def test_other_databases_of_the_embedded_server_are_closed(
    warehouse: Warehouse, server: EmbeddedServer, database: str
) -> None:
    if database == "another":
        database = f"{warehouse.database}_2"
        with psycopg.connect(**server.administrator(), autocommit=True) as connection:
            connection.execute(f"create database {database}")
            connection.execute("create role stranger login password 'topsecret'")
        server.open(database, query_timeout_seconds=5)
        parameters = {**warehouse.base, "user": "stranger", "password": "topsecret"}
    else:
        parameters = warehouse.parameters("analyst")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(**{**parameters, "dbname": database})


def test_what_outlasts_the_limits_is_ended_whatever_the_session_has_set(
    warehouse: Warehouse, server: EmbeddedServer
) -> None:
    with contextlib.ExitStack() as open_until_the_end:
        administrator = psycopg.connect(**server.administrator(warehouse.database), autocommit=True)
        open_until_the_end.callback(administrator.close)
        roles: tuple[Role, ...] = ("analyst", "finance", "transformer", "analyst", "bi")
        slow, idle, pipeline, quick, scan = sessions = [warehouse.connect(role) for role in roles]
        for one in sessions:
            open_until_the_end.callback(one.close)
        for one in (slow, pipeline, scan):
            one.execute("set statement_timeout = 0; set application_name = 'notebook'")
            one.pgconn.send_query(b"select pg_sleep(60)")
        idle.execute("set idle_in_transaction_session_timeout = 0")
        idle.autocommit = False
        idle.execute("select 1")
        time.sleep(1.3)
        # The limits of the warehouse are 5 s and 60 s; this is what stands beyond them.
        ended = end_overlong_sessions(administrator, 0.2)
        assert ended == ["A session of analyst (notebook) was ended: a query ran for more than 0.2 s."]
        with patch("orchestration.warehouse.readers.BI_QUERY_SECONDS", 0.2):
            (sentence,) = end_overlong_sessions(administrator, 0.1)
        assert sentence == "A session of bi (notebook) was ended: a query ran for more than 0.2 s."
        with patch("orchestration.warehouse.readers.IDLE_IN_TRANSACTION_SECONDS", 0.2):
            (sentence,) = end_overlong_sessions(administrator, 0)
        assert sentence == "A session of finance was ended: it was idle within a transaction for more than 0.2 s."
        quick.autocommit = False
        quick.execute("select 1")
        with patch("orchestration.warehouse.readers.TRANSACTION_SECONDS", 0.0):
            (sentence,) = end_overlong_sessions(administrator, 0)
        assert sentence == "A session of analyst was ended: its transaction took more than 0 s."
        for one in (idle, quick):
            with pytest.raises(psycopg.OperationalError):
                one.execute("select 1")
        assert end_overlong_sessions(administrator, 0.2) == []
        pipelines = "select count(*) from pg_stat_activity where usename = 'transformer' and query like '%pg_sleep%'"
        assert administrator.execute(pipelines).fetchone() == (1,)
        pipeline.cancel()


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
        prepare(connection, passwords=None)
