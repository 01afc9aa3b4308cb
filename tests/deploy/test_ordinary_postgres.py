"""A server of the distribution and a login that is no superuser: a run, a backup, and a restore into another database.

`make test-deploy` runs it for every version from 15 on below /usr/lib/postgresql; `make test` does not.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from orchestration.commands.backup import backup, restore
from orchestration.commands.run import run
from orchestration.errors import WarehouseError
from orchestration.inputs.sandbox import stop_sandbox
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.roles import OLDEST_SERVER
from tests.deploy.deployment import DEPLOY

pytestmark = pytest.mark.deploy

AS_OF = date(2026, 6, 30)
PASSWORD = "ordinary"
PROGRAMS = sorted(
    path / "bin"
    for path in Path("/usr/lib/postgresql").glob("*")
    if path.name.isdigit() and int(path.name) >= OLDEST_SERVER and (path / "bin" / "initdb").exists()
)


@dataclass(frozen=True)
class Place:
    """A server: its administrator's address, and that of the login of databases.sql."""

    folder: Path
    port: int

    @property
    def administrator(self) -> str:
        return f"host={self.folder} port={self.port} user=postgres dbname=postgres"

    def dsn(self, database: str, login: str = "workledger") -> str:
        return f"postgresql://{login}:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda path: path.parent.name)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    programs: Path = request.param
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not pytest's own folder: started by root, the server runs as another user, who may not enter that one.
    folder = Path(tempfile.mkdtemp(prefix="workledger-postgres-"))
    # The server refuses to run as root.
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(folder, user.pw_uid, user.pw_gid)

    def start(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs / program), *arguments],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )

    data = str(folder / "data")
    start("initdb", "--pgdata", data, "--username", "postgres", "--auth-local", "trust", "--auth-host", "scram-sha-256")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    start("pg_ctl", "--pgdata", data, "--options", options, "--log", str(folder / "log"), "--wait", "start")
    try:
        folder.chmod(0o755)
        one = Place(folder, port)
        file = DEPLOY / "postgres" / "databases.sql"
        command = [str(programs / "psql"), one.administrator, "--no-psqlrc", "--quiet", f"--set=password={PASSWORD}"]
        subprocess.run([*command, f"--file={file}"], check=True)
        yield one
    finally:
        start("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def settings(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("ordinary")
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "generate",
        str(folder / "dataset"),
        "--scale",
        "0.1",
        "--as-of",
        str(AS_OF),
    ]
    subprocess.run(command, cwd=PROJECT_FOLDER, check=True, capture_output=True)
    settings = Settings(
        profile="sandbox",
        home=folder / "home",
        sandbox_dir=folder / "dataset",
        as_of=AS_OF,
        warehouse_dsn=place.dsn("workledger"),
    )
    yield settings
    stop_sandbox(settings)


def test_a_whole_run_succeeds_and_the_next_finds_nothing_to_do(settings: Settings) -> None:
    first = run(settings, None)
    assert (first.failures, first.failed_checks) == ([], [])
    assert first.succeeded
    second = run(settings, None)
    assert second.succeeded
    assert (second.built, second.up_to_date) == ([], len(first.built))


def test_readers_see_marts_alone_and_write_nothing(settings: Settings) -> None:
    with open_warehouse(settings).connect("analyst") as connection:
        assert connection.execute("select count(*) > 0 from marts.time_entries").fetchone() == (True,)
        for statement in ("select * from raw_tempo.worklogs", "create table marts.x (id int)"):
            connection.execute("set default_transaction_read_only = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_backup_fills_a_database_beside_it(place: Place, settings: Settings, tmp_path: Path) -> None:
    with psycopg.connect(place.administrator, autocommit=True) as connection:
        connection.execute("create database other owner workledger")
    backup(settings, tmp_path, None, lambda _: None)
    (made,) = tmp_path.iterdir()
    said: list[str] = []
    other = replace(settings, warehouse_dsn=place.dsn("other"))
    restore(other, made, said.append)
    count = "select count(*), max(loaded_at) from raw_tempo.worklogs"
    found = []
    for one in (settings, other):
        with open_warehouse(one).connect("transformer") as connection:
            found.append(connection.execute(count).fetchone())
    assert found[0] == found[1]
    assert re.search(r"is as it was at", said[0])


def test_a_login_that_is_given_no_roles_is_told_what_to_ask_for_and_nothing_is_made(
    place: Place, settings: Settings
) -> None:
    with psycopg.connect(place.administrator, autocommit=True) as connection:
        connection.execute(f"create role plain login password '{PASSWORD}'")
        connection.execute("create database of_plain owner plain")
    plain = replace(settings, warehouse_dsn=place.dsn("of_plain", "plain"))
    with pytest.raises(WarehouseError, match=r"Login plain .* let an administrator run: .* to plain"):
        open_warehouse(plain)
    query = "select count(*) from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
    with psycopg.connect(place.dsn("of_plain", "plain")) as connection:
        assert connection.execute(query).fetchone() == (0,)
