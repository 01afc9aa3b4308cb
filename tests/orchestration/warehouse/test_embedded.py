"""The embedded server: what it survives, and who owns its files."""

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
from typing import Any
from unittest.mock import patch

import psutil
import psycopg
import pytest

from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.programs import Installation


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a server of one test's own, made without waiting for the disk."""
    run = Installation.run

    def run_hastily(self: Installation, program: str, *arguments: str, inherit: int) -> None:
        run(self, program, *arguments, "--no-sync", inherit=inherit)

    monkeypatch.setattr(Installation, "run", run_hastily)
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
    assert len(set(json.loads((folder / "passwords.json").read_text()).values())) == 7
    addresses = {
        connection.laddr.ip
        for connection in psutil.Process(postmaster(folder)).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**{**warehouse.parameters("analyst"), "password": "guess"})


def test_a_start_gives_roles_back_what_they_have_changed_of_their_own(folder: Path) -> None:
    warehouse = start(folder)
    with warehouse.connect("analyst") as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute("alter role analyst password 'mine'")
        connection.execute("alter role analyst set timezone = 'Asia/Tokyo'")
        connection.execute("alter role analyst in database workledger set statement_timeout = 0")
    with warehouse.connect("owner") as connection:
        connection.execute("alter role owner in database workledger set search_path = billing")
    with psycopg.connect(**EmbeddedServer(folder).administrator()) as connection:
        connection.execute("alter role finance createrole connection limit 90")
        connection.execute("create role ada login password 'topsecret' in role analyst")
    with pytest.raises(WarehouseError, match="password"):
        warehouse.connect("analyst")
    warehouse = start(folder)
    with warehouse.connect("analyst") as connection:
        settings = "select current_setting('timezone'), current_setting('statement_timeout')"
        assert connection.execute(settings).fetchone() == ("UTC", "5s")
        attributes = "select rolcreaterole, rolconnlimit from pg_roles where rolname = 'finance'"
        assert connection.execute(attributes).fetchone() == (False, 30)
    with warehouse.connect("owner") as connection:
        assert connection.execute("show search_path").fetchone() == ('"$user", public',)
    # A person's own login, made by an administrator, has the limits of the role.
    with psycopg.connect(**{**warehouse.base, "user": "ada", "password": "topsecret"}) as connection:
        limits = "select current_setting('statement_timeout'), current_setting('temp_file_limit')"
        assert connection.execute(limits).fetchone() == ("5s", "2GB")


def test_a_start_waits_for_another_no_longer_than_it_says_and_names_it(server: EmbeddedServer) -> None:
    with psycopg.connect(**server.administrator(), autocommit=True) as connection:
        connection.execute("create database held")
    with psycopg.connect(**server.administrator("held")) as connection:
        connection.execute("select pg_advisory_lock(hashtextextended('workledger.prepare', 0))")
        with (
            patch("orchestration.warehouse.roles._WAIT_SECONDS", 1),
            pytest.raises(
                WarehouseError, match=r"for 1 s the session of postgres with process id \d+ has held the lock"
            ),
        ):
            server.open("held", query_timeout_seconds=5)


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


def test_lost_passwords_are_distinguished_from_a_first_start(folder: Path) -> None:
    start(folder)
    EmbeddedServer(folder).stop()
    (folder / "passwords.json").unlink()
    with pytest.raises(WarehouseError, match=r"passwords\.json is missing, but the warehouse .* is still there"):
        start(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user, who may be locked out")
def test_a_folder_that_the_servers_user_cannot_enter_stays_closed_and_the_data_lies_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Path(tempfile.mkdtemp(prefix="workledger-elsewhere-"))
    elsewhere.chmod(0o711)
    monkeypatch.setattr("orchestration.warehouse.programs._RELOCATED", elsewhere)
    folder.parent.chmod(0o700)
    said: list[str] = []
    try:
        keep_a_row(start(folder, notify=said.append))
        assert EmbeddedServer(folder).stop()
        assert kept_row(start(folder, notify=said.append)) == (1,)
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert len(said) == 2
        assert said[1] == f"Creating the embedded warehouse in {folder} …"
        assert f"cannot enter {folder}: the warehouse's data is in {elsewhere}" in said[0]
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
