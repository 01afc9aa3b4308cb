"""The embedded warehouse and the rights of its roles, held to what a user would see."""

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg
import psycopg2
import pytest

from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.embedded import (
    ROLES,
    SCHEMA_OWNERS,
    EmbeddedServer,
    Warehouse,
    _Installation,
    open_warehouse,
    prepare,
)


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
def test_a_role_reads_its_layers_and_no_other(filled: Warehouse, role: str) -> None:
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
def test_a_role_writes_only_where_it_makes_tables(filled: Warehouse, role: str) -> None:
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
def test_no_role_is_superuser_or_may_make_roles(warehouse: Warehouse, role: str) -> None:
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
        warehouse.dsn("analist")


# --- What the embedded server survives -------------------------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a server of one test's own, made without waiting for the disk."""
    run = _Installation.run

    def run_hastily(self: _Installation, program: str, *arguments: str, inherit: int) -> None:
        run(self, program, *arguments, "--no-sync", inherit=inherit)

    monkeypatch.setattr(_Installation, "run", run_hastily)
    base = Path(tempfile.mkdtemp(prefix="workledger-server-"))
    base.chmod(0o711)
    yield base / "postgres"
    EmbeddedServer(base / "postgres").stop()
    shutil.rmtree(base)


def start(folder: Path, **options: Any) -> Warehouse:
    # Processes are killed here, not the machine: waiting for the disk would prove nothing.
    server = EmbeddedServer(folder, extra_settings={"fsync": "off"}, **options)
    return server.open("workledger", query_timeout_seconds=5)


def pid_file(folder: Path) -> Path:
    return folder / "data" / "postmaster.pid"


def postmaster(folder: Path) -> int:
    return int(pid_file(folder).read_text().splitlines()[0])


def keep_a_row(warehouse: Warehouse) -> None:
    with warehouse.connect("loader") as connection:
        connection.execute("create table raw_jira.kept as select 1 as id")


def kept_row(warehouse: Warehouse) -> object:
    with warehouse.connect("loader") as connection:
        return connection.execute("select id from raw_jira.kept").fetchone()


def test_a_restart_keeps_data_port_and_passwords(folder: Path) -> None:
    first = start(folder)
    keep_a_row(first)
    assert EmbeddedServer(folder).stop()
    assert not EmbeddedServer(folder).stop()
    second = start(folder)
    assert second.dsn("analyst") == first.dsn("analyst")
    assert kept_row(second) == (1,)


def test_passwords_and_log_are_private_and_only_loopback_listens(folder: Path) -> None:
    warehouse = start(folder)
    assert stat.S_IMODE((folder / "passwords.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "server.log").stat().st_mode) == 0o600
    assert len(set(json.loads((folder / "passwords.json").read_text()).values())) == 6
    addresses = {
        connection.laddr.ip
        for connection in psutil.Process(postmaster(folder)).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**{**warehouse.parameters("analyst"), "password": "guess"})


def test_kill_9_of_the_server_under_a_busy_query(folder: Path) -> None:
    warehouse = start(folder)
    keep_a_row(warehouse)
    busy = warehouse.connect("loader")
    # A query that never waits does not notice that the server is gone, and holds its shared memory.
    busy.pgconn.send_query(b"select count(*) from generate_series(1, 1e12::bigint)")
    time.sleep(0.2)
    os.kill(postmaster(folder), signal.SIGKILL)
    assert kept_row(start(folder)) == (1,)
    busy.close()


@pytest.mark.parametrize("stranger", ["this test", "another warehouse"])
def test_a_stale_pid_file_whose_number_now_belongs_to_another_process(
    folder: Path, server: EmbeddedServer, warehouse: Warehouse, stranger: str
) -> None:
    keep_a_row(start(folder))
    lines = pid_file(folder).read_text().splitlines()
    EmbeddedServer(folder).stop()
    pid = os.getpid() if stranger == "this test" else postmaster(server.folder)
    pid_file(folder).write_text("\n".join([str(pid), *lines[1:]]) + "\n")
    assert not EmbeddedServer(folder).stop()
    assert kept_row(start(folder)) == (1,)
    with warehouse.connect("analyst") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


FIRST_START = """
import sys
from pathlib import Path
from orchestration.warehouse.embedded import EmbeddedServer
print(EmbeddedServer(Path(sys.argv[1])).open("workledger", query_timeout_seconds=5).dsn("analyst"))
"""


def in_another_process(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", FIRST_START, str(folder)]
    return subprocess.Popen(command, cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("stage", ["data.new/PG_VERSION", "data.new/base/1/PG_VERSION", "data", "data/postmaster.pid"])
def test_kill_9_of_the_first_start_at_every_stage(folder: Path, stage: str) -> None:
    process = in_another_process(folder)
    deadline = time.monotonic() + 30
    while not (folder / stage).exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.wait()
    warehouse = start(folder)
    keep_a_row(warehouse)
    assert kept_row(warehouse) == (1,)
    assert {file.name for file in folder.iterdir()} <= {"data", "alive", "lock", "passwords.json", "port", "server.log"}


def test_kill_9_of_a_half_finished_initdb_with_all_its_processes(folder: Path) -> None:
    (folder / "data.new" / "base").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18\n")
    (folder / "data.password").write_text("half")
    with start(folder).connect("analyst") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_several_processes_start_it_at_once_and_share_it(folder: Path) -> None:
    processes = [in_another_process(folder) for _ in range(4)]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert {process.returncode for process in processes} == {0}


def test_a_remembered_port_that_another_program_took_gives_way_with_a_word(folder: Path) -> None:
    first = start(folder)
    EmbeddedServer(folder).stop()
    said: list[str] = []
    with socket.create_server(("127.0.0.1", first.base["port"])):
        second = start(folder, notify=said.append)
    assert second.base["port"] != first.base["port"]
    assert [sentence.split(":")[0] for sentence in said] == [f"Port {first.base['port']} is taken by another program"]
    assert str(second.base["port"]) in said[0]


def test_a_port_that_the_user_chose_and_another_program_took_is_an_error(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(WarehouseError, match=f"WAREHOUSE_PORT={port} is taken by another program"):
            start(folder, port=port)
    assert start(folder, port=port).base["port"] == port


def test_a_database_without_roles_and_schemas_is_completed(server: EmbeddedServer) -> None:
    database = "half_prepared"
    with psycopg.connect(**server.administrator(), autocommit=True) as connection:
        connection.execute(f"create database {database}")
    with psycopg.connect(**server.administrator(database), autocommit=True) as connection:
        connection.execute("create schema staging")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.open(database, query_timeout_seconds=5).connect("transformer").execute("create table staging.x ()")


def test_lost_passwords_are_told_apart_from_a_first_start(folder: Path) -> None:
    start(folder)
    EmbeddedServer(folder).stop()
    (folder / "passwords.json").unlink()
    with pytest.raises(WarehouseError, match=r"passwords\.json is gone while the warehouse .* still stands"):
        start(folder)


# --- A server of one's own -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foreign() -> Iterator[dict[str, Any]]:
    """The superuser's parameters of a server that knows nothing of Workledger."""
    base = Path(tempfile.mkdtemp(prefix="workledger-server-"))
    base.chmod(0o711)
    server = EmbeddedServer(base / "postgres", extra_settings={"fsync": "off"})
    parameters = server.administrator()
    with psycopg.connect(**parameters, autocommit=True) as connection:
        for login, rights in (("plain", ""), ("maker", "createrole"), ("guest", "createrole"), ("member", "")):
            connection.execute(f"create role {login} login password 'topsecret' {rights}")
        for database, owner in (("of_plain", "plain"), ("of_maker", "maker"), ("of_member", "member")):
            connection.execute(f"create database {database} owner {owner}")
    yield parameters
    server.stop()
    shutil.rmtree(base)


def open_foreign(foreign: dict[str, Any], login: str, database: str, password: str = "topsecret") -> Warehouse:
    dsn = f"postgresql://{login}:{password}@{foreign['host']}:{foreign['port']}/{database}?application_name=a%20b"
    return open_warehouse(Settings(profile="production", home=Path("/nonexistent"), warehouse_dsn=dsn))


def test_a_login_that_may_not_make_roles_is_told_what_an_administrator_must_run(foreign: dict[str, Any]) -> None:
    with pytest.raises(WarehouseError, match=r"Login plain .* alter role plain createrole; or create these roles"):
        open_foreign(foreign, "plain", "of_plain")


def test_a_login_that_does_not_own_the_database_is_told_so(foreign: dict[str, Any]) -> None:
    with pytest.raises(WarehouseError, match="make it the owner: alter database of_plain owner to guest"):
        open_foreign(foreign, "guest", "of_plain")


def test_a_login_without_createrole_does_where_the_roles_stand_and_it_is_a_member(foreign: dict[str, Any]) -> None:
    open_foreign(foreign, "maker", "of_maker")
    with psycopg.connect(**foreign, autocommit=True) as connection:
        connection.execute(f"grant {', '.join(ROLES)} to member")
    with open_foreign(foreign, "member", "of_member").connect("transformer") as connection:
        connection.execute("create table marts.x as select 1 as id")


def test_a_login_takes_every_role_on_and_works_with_no_right_of_its_own(foreign: dict[str, Any]) -> None:
    warehouse = open_foreign(foreign, "maker", "of_maker")
    assert not warehouse.embedded
    for role in ROLES:
        with warehouse.connect(role) as connection:
            acting = "select current_user, current_setting('timezone'), current_setting('application_name')"
            assert connection.execute(acting).fetchone() == (role, "UTC", "a b")
            timeout = connection.execute("show statement_timeout").fetchone()
            assert timeout == (("5s",) if role in ("analyst", "finance") else ("0",))
    with warehouse.connect("loader") as connection:
        connection.execute("create table raw_jira.issues as select 1 as id")
    with warehouse.connect("transformer") as connection:
        connection.execute("create table marts.issues as select id from raw_jira.issues")
    with warehouse.connect("analyst") as connection:
        assert connection.execute("select id from marts.issues").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select id from raw_jira.issues")


def test_both_drivers_read_the_dsn_of_a_role(foreign: dict[str, Any]) -> None:
    dsn = open_foreign(foreign, "maker", "of_maker").dsn("loader")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select current_user").fetchone() == ("loader",)
    older = psycopg2.connect(dsn)
    with older.cursor() as cursor:
        cursor.execute("select current_user")
        assert cursor.fetchone() == ("loader",)
    older.close()


def test_a_superuser_prepares_a_database_any_number_of_times(foreign: dict[str, Any]) -> None:
    login, password = foreign["user"], foreign["password"]
    for _ in range(2):
        with open_foreign(foreign, login, "postgres", password).connect("loader") as connection:
            assert connection.execute("select current_user").fetchone() == ("loader",)


@pytest.mark.parametrize(
    ("dsn", "sentence"),
    [
        ("postgresql://plain:topsecret@127.0.0.1:1/x", r"127\.0\.0\.1:1/x cannot be reached .*WAREHOUSE_DSN names"),
        ("postgresql://plain:topsecret@127.0.0.1", "WAREHOUSE_DSN lacks dbname"),
        ("postgresql://plain:topsecret%ZZ@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
    ],
)
def test_a_dsn_that_leads_nowhere_is_refused_without_its_password(dsn: str, sentence: str) -> None:
    with pytest.raises(WarehouseError, match=sentence) as refusal:
        open_warehouse(Settings(profile="production", home=Path("/nonexistent"), warehouse_dsn=dsn))
    assert "topsecret" not in str(refusal.value)


def test_an_older_server_is_refused(foreign: dict[str, Any]) -> None:
    connection: Any = SimpleNamespace(info=SimpleNamespace(server_version=140009))
    with pytest.raises(WarehouseError, match="is PostgreSQL 14; Workledger needs 15 or newer"):
        prepare(connection, passwords=None, query_timeout_seconds=5)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user, who may be locked out")
def test_a_folder_that_the_servers_user_cannot_enter_stays_closed_and_the_data_lies_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Path(tempfile.mkdtemp(prefix="workledger-elsewhere-"))
    elsewhere.chmod(0o711)
    monkeypatch.setattr("orchestration.warehouse.embedded._RELOCATED", elsewhere)
    folder.parent.chmod(0o700)
    said: list[str] = []
    try:
        keep_a_row(start(folder, notify=said.append))
        assert EmbeddedServer(folder).stop()
        assert kept_row(start(folder, notify=said.append)) == (1,)
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert len(said) == 2
        assert said[1] == f"Creating the embedded warehouse in {folder} …"
        assert f"cannot enter {folder}: the warehouse's data lies in {elsewhere}" in said[0]
    finally:
        EmbeddedServer(folder).stop()
        (folder / "location").unlink()
        shutil.rmtree(elsewhere)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user than the one who began")
def test_root_goes_on_with_the_warehouse_of_whoever_began_it(folder: Path) -> None:
    keep_a_row(start(folder))
    EmbeddedServer(folder).stop()
    nobody = pwd.getpwnam("nobody")
    for path in [folder / "data", *(folder / "data").rglob("*")]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    assert kept_row(start(folder)) == (1,)
    assert psutil.Process(postmaster(folder)).uids().real == nobody.pw_uid
