"""What all tests share: one embedded warehouse server, a database of one's own, no internet, no settings of the user.

- `warehouse`: a `Warehouse` bound to a brand-new database with roles and schemas, one per test module.
- `fresh_database`: the same for a single test.
- `create_database`: a function that makes one more.
- `books`: a warehouse with prefills by hand, one per test module.
- `parsed_home`: a home that holds the parsed dbt project; a copy of its folder `dbt` spares another home eight seconds.
- `shared_folder`: the folder `../shared` (or WORKLEDGER_SHARED); a test that needs it is skipped where it is absent.
"""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg
import pytest
from psycopg import sql

from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.opening import DATABASE
from tests.invoicing.books import Books
from tests.quick_dbt import make_quick

_FOLDER_PREFIX = "workledger-tests-"
# The files that take longest, longest first: two workers that begin with them end at about the same time.
_LONGEST_FILES = (
    "end_to_end/test_run_on_the_sandbox.py",
    "dbt_project/time/test_random_increments.py",
    "dbt_project/billing/test_random_bills.py",
    "dbt_project/test_project.py",
    "end_to_end/test_session_cases.py",
    "dbt_project/test_builds_in_place.py",
    "dbt_project/engineering/test_changed_dates.py",
    "end_to_end/test_published_transcripts.py",
    "dbt_project/sessions/test_changed_input.py",
    "dbt_project/billing/test_prefills.py",
    "dbt_project/time/test_time_entries.py",
    "test_add_a_source.py",
    "dbt_project/identity/test_identity.py",
    "sources/claude_code/test_claude_code_loading.py",
)
_folder_key = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name.startswith(("WORKLEDGER_", "WAREHOUSE_", "CLICKHOUSE_", "SOURCES__")) and name != "WORKLEDGER_SHARED":
            del os.environ[name]
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[_folder_key] = Path(worker_input["workledger_folder"])
        return
    _remove_leftovers()
    # Not pytest's own temporary folder: the server runs as another user if root starts it, who may not enter that one.
    folder = Path(tempfile.gettempdir()) / f"{_FOLDER_PREFIX}{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o711)
    config.stash[_folder_key] = folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = config.rootpath / "tests"
    place = {tests / file: number for number, file in enumerate(_LONGEST_FILES)}
    assert all(path.is_file() for path in place), "_LONGEST_FILES names a file that does not exist"
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["workledger_folder"] = str(node.config.stash[_folder_key])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and _folder_key in config.stash:
        _remove(config.stash[_folder_key])


def _remove_leftovers() -> None:
    """Remove what a killed test run left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        with contextlib.suppress(ValueError, PermissionError):
            if not psutil.pid_exists(int(folder.name.removeprefix(_FOLDER_PREFIX))):
                _remove(folder)


def _remove(folder: Path) -> None:
    EmbeddedServer(folder / "postgres").stop()
    # Another test run may be removing the same leftovers.
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> EmbeddedServer:
    """The one embedded server of this test session; started by the first test, of whatever worker, that opens it."""
    # A test's data need not survive a power cut.
    return EmbeddedServer(pytestconfig.stash[_folder_key] / "postgres", extra_settings={"fsync": "off"})


@pytest.fixture(scope="session")
def copy_database(server: EmbeddedServer) -> Callable[[Warehouse], Warehouse]:
    """A function that makes a database with all that is in another, to which nobody is connected."""

    def copy(template: Warehouse) -> Warehouse:
        name = f"test_{uuid4().hex[:12]}"
        statement = sql.SQL("create database {} template {}")
        with psycopg.connect(**server.administrator(), autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, (name, template.database))))
        return server.open(name, query_timeout_seconds=5)

    return copy


@pytest.fixture(scope="session")
def create_database(server: EmbeddedServer, copy_database: Callable[[Warehouse], Warehouse]) -> Callable[[], Warehouse]:
    """A function that makes a brand-new database with roles and schemas."""
    # Copied, because schemas, rights and migrations take twice as long as a copy.
    template = server.open(f"template_{uuid4().hex[:12]}", query_timeout_seconds=5)
    return lambda: copy_database(template)


@pytest.fixture(scope="module")
def warehouse(create_database: Callable[[], Warehouse]) -> Warehouse:
    """A warehouse on a database of this test module's own, for `dsn("loader")`, `connect("analyst")` and so on."""
    return create_database()


@pytest.fixture
def fresh_database(create_database: Callable[[], Warehouse]) -> Warehouse:
    """A warehouse on a database of this one test's own."""
    return create_database()


@pytest.fixture(scope="module")
def books(warehouse: Warehouse) -> Books:
    """A warehouse whose marts a test fills by hand."""
    made = Books(warehouse)
    made.create()
    return made


@pytest.fixture(scope="session")
def parsed_home(pytestconfig: pytest.Config) -> Path:
    """The home of no warehouse, in which the dbt project is parsed, once for all workers; to be copied, not used."""
    home = pytestconfig.stash[_folder_key] / "home"
    prepare_manifest(home, DATABASE)
    return home


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of published transcripts and API descriptions that is beside the checkout."""
    folder = Path(os.environ.get("WORKLEDGER_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist; WORKLEDGER_SHARED names it elsewhere")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _quick_dbt() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_internet() -> Iterator[None]:
    """Refuse connections beyond this machine, so that no test depends on one."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and not (str(host).startswith("127.") or host in ("::1", "localhost", "")):
            raise AssertionError(f"a test wants to reach {host}; tests run without the internet")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield
