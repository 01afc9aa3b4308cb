"""Opening the warehouse on a server of the user's own: rights, roles and refused addresses."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import psycopg2
import pytest

from invoicing.schema import KEEPER
from orchestration.commands.cli import main
from orchestration.errors import WarehouseError
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.roles import ROLES


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


def test_a_login_that_may_not_make_roles_is_reported_with_what_an_administrator_must_run(
    foreign: dict[str, Any],
) -> None:
    with pytest.raises(WarehouseError, match=r"Login plain .* alter role plain createrole; or create these roles"):
        open_foreign(foreign, "plain", "of_plain")


def test_a_login_that_does_not_own_the_database_is_refused_with_the_reason(foreign: dict[str, Any]) -> None:
    with pytest.raises(WarehouseError, match="make it the owner: alter database of_plain owner to guest"):
        open_foreign(foreign, "guest", "of_plain")


def test_a_login_without_createrole_does_where_the_roles_exist_and_it_is_a_member(foreign: dict[str, Any]) -> None:
    open_foreign(foreign, "maker", "of_maker")
    with psycopg.connect(**foreign, autocommit=True) as connection:
        connection.execute(f"grant {', '.join([*ROLES, KEEPER])} to member")
    with open_foreign(foreign, "member", "of_member").connect("transformer") as connection:
        connection.execute("create table marts.x as select 1 as id")


def test_a_login_takes_every_role_on_and_works_with_no_right_of_its_own(foreign: dict[str, Any]) -> None:
    warehouse = open_foreign(foreign, "maker", "of_maker")
    assert not warehouse.embedded
    for role in ROLES:
        with warehouse.connect(role) as connection:
            acting = "select current_user, current_setting('timezone'), current_setting('application_name')"
            assert connection.execute(acting).fetchone() == (role, "UTC", "a b")
            limits = "select current_setting('statement_timeout'), current_setting('default_transaction_read_only')"
            limit = {"analyst": "5s", "bi": "1min", "finance": "5s"}.get(role)
            assert connection.execute(limits).fetchone() == ((limit, "on") if limit else ("0", "off"))
            path = {"analyst": "marts,reports", "bi": "marts,reports", "finance": "marts,reports,private"}.get(role)
            assert connection.execute("show search_path").fetchone() == (path or '"$user", public',)
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


def test_the_address_of_the_login_is_not_handed_out_but_what_to_create_is(
    foreign: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = f"postgresql://maker:topsecret@{foreign['host']}:{foreign['port']}/of_maker"
    settings = Settings(profile="production", home=Path("/nonexistent"), warehouse_dsn=dsn)
    monkeypatch.setattr("orchestration.commands.cli._settings", lambda: settings)
    monkeypatch.setattr("sys.argv", ["workledger", "dsn", "--role", "finance"])
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr()
    assert (end.value.code, printed.out) == (1, "")
    assert "topsecret" not in printed.err
    (statement,) = re.findall(r"create role NAME login password '…' in role finance", printed.err)
    (address,) = re.findall(r"postgresql://NAME:PASSWORD@\S+(?=\.\n)", printed.err)
    # What it says to create is created, and holds: no way back to the login, and the limits of the role.
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.replace("NAME", "grace").replace("…", "hopper12"))
    open_warehouse(settings)
    with psycopg.connect(address.replace("NAME:PASSWORD", "grace:hopper12"), autocommit=True) as connection:
        settings_of_grace = "select current_setting('statement_timeout'), current_setting('work_mem')"
        assert connection.execute(settings_of_grace).fetchone() == ("5s", "32MB")
        assert connection.execute("select count(*) from pg_tables where schemaname = 'private'").fetchone() == (0,)
        connection.execute("reset role")
        for role in ("transformer", "loader", "owner", "maker"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"set role {role}")
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("create temporary table x ()")


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
        ("postgresql://plain:pre@topsecret@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:topsecret@pre@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:topsecret/pre@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:topsecret#pre@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:12?topsecret@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:12/topsecret@127.0.0.1/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:topsecret:[x@127.0.0.1:port/x", "WAREHOUSE_DSN cannot be read"),
        ("postgresql://plain:topsecret@a:1,b:2/x", "WAREHOUSE_DSN names several ports"),
    ],
)
def test_a_dsn_that_leads_nowhere_is_refused_without_its_password(dsn: str, sentence: str) -> None:
    with pytest.raises(WarehouseError, match=sentence) as refusal:
        open_warehouse(Settings(profile="production", home=Path("/nonexistent"), warehouse_dsn=dsn))
    assert "topsecret" not in str(refusal.value)


def test_what_a_killed_client_executes_ends_and_frees_its_locks(warehouse: Warehouse) -> None:
    program = (
        "import psycopg, sys\n"
        "with psycopg.connect(sys.argv[1]) as connection:\n"
        "    connection.execute('create table marts.held (id int)')\n"
        "    connection.commit()\n"
        "    connection.execute('lock table marts.held')\n"
        "    print('held', flush=True)\n"
        "    connection.execute('select pg_sleep(120)')\n"
    )
    command = [sys.executable, "-c", program, warehouse.dsn("transformer")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "held\n"
        time.sleep(0.2)
        client.kill()
    began = time.monotonic()
    with warehouse.connect("transformer") as connection:
        connection.execute("set lock_timeout = '20s'")
        connection.execute("drop table marts.held")
    assert time.monotonic() - began < 10
