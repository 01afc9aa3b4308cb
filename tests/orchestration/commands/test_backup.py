"""`workledger backup` and `restore` on a server of one's own, by a login that is no superuser: whole, or not at all."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from invoicing.schema import KEEPER
from orchestration.commands.backup import backup, restore
from orchestration.errors import WorkledgerError
from orchestration.settings import Settings
from orchestration.warehouse.backup import fingerprint
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.roles import ROLES

PASSWORD = "p@ss word"


@pytest.fixture(scope="module")
def login(server: EmbeddedServer, create_database: Callable[[], Warehouse]) -> Iterator[str]:
    """A login that owns databases and may take on the roles, which another database has brought, and no more."""
    create_database()
    name = f"owner_{uuid4().hex[:8]}"
    with psycopg.connect(**server.administrator(), autocommit=True) as connection:
        connection.execute(f"create role {name} login password '{PASSWORD}'")
        connection.execute(f"grant {', '.join([*ROLES, KEEPER])} to {name}")
        yield name


@pytest.fixture
def new_settings(server: EmbeddedServer, login: str, tmp_path: Path) -> Callable[[], Settings]:
    """A function that makes an empty database of the login, with an empty folder of reference files."""

    def make() -> Settings:
        name = f"backup_{uuid4().hex[:8]}"
        place = server.administrator()
        with psycopg.connect(**place, autocommit=True) as connection:
            connection.execute(f"create database {name} owner {login}")
        dsn = f"postgresql://{login}:p%40ss%20word@{place['host']}:{place['port']}/{name}?application_name=a%20b"
        (tmp_path / name).mkdir()
        return Settings(profile="production", home=tmp_path, reference_dir=tmp_path / name, warehouse_dsn=dsn)

    return make


@pytest.fixture
def filled(new_settings: Callable[[], Settings]) -> Settings:
    settings = new_settings()
    assert settings.reference_dir is not None
    (settings.reference_dir / "clients.csv").write_text("client\nacme\n")
    warehouse = open_warehouse(settings)
    with warehouse.connect("loader") as connection:
        connection.execute(
            "create table raw_jira.issues as select g as id, 'Ł' || g as name from generate_series(1, 500) g"
        )
    with warehouse.connect("transformer") as connection:
        connection.execute("create table registry.identifiers as select 'CLI-1' as id")
        connection.execute("create table registry.built_nodes (node text primary key)")
        connection.execute("insert into registry.built_nodes values ('model.x')")
        connection.execute("create table marts.issues as select * from raw_jira.issues")
    return settings


def made(settings: Settings, folder: Path, keep: int | None = None) -> Path:
    before = set(folder.glob("*"))
    backup(settings, folder, keep, lambda _: None)
    (place,) = set(folder.glob("*")) - before
    return place


def tables(settings: Settings) -> set[str]:
    with open_warehouse(settings).connect("owner") as connection:
        rows = connection.execute(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname !~ '^(pg_|information)' and schemaname <> 'billing'"
        ).fetchall()
    return {name for (name,) in rows}


def test_what_cannot_be_made_again_comes_back_with_its_rights(
    filled: Settings, new_settings: Callable[[], Settings], tmp_path: Path
) -> None:
    place = made(filled, tmp_path / "backups")
    target = new_settings()
    said: list[str] = []
    restore(target, place, said.append)
    assert tables(target) == {"raw_jira.issues", "registry.identifiers"}
    warehouse = open_warehouse(target)
    with warehouse.connect("transformer") as connection:
        assert connection.execute("select count(*), max(name) from raw_jira.issues").fetchone() == (500, "Ł99")
        # What comes next has its rights as well.
        connection.execute("create table marts.issues as select * from raw_jira.issues")
    with warehouse.connect("loader") as connection:
        connection.execute("insert into raw_jira.issues values (501, 'x')")
        connection.execute("create table raw_jira.users (id int)")
    with warehouse.connect("analyst") as connection:
        connection.execute("select id from marts.issues")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select id from raw_jira.issues")
    with warehouse.connect("owner") as connection:
        connection.execute("select * from billing.invoices, raw_jira.users")
        owner = "select tableowner from pg_tables where schemaname = 'billing' and tablename = 'invoices'"
        assert connection.execute(owner).fetchone() == (KEEPER,)
    assert target.reference_dir is not None
    assert (target.reference_dir / "clients.csv").read_text() == "client\nacme\n"
    assert "it has no invoice." in said[0]


def test_a_warehouse_that_holds_a_row_is_never_overwritten(filled: Settings, tmp_path: Path) -> None:
    place = made(filled, tmp_path / "backups")
    with pytest.raises(
        WorkledgerError, match=r"is not empty \(raw_jira\.issues has rows\).* set WAREHOUSE_DSN to another"
    ):
        restore(filled, place, print)
    assert "marts.issues" in tables(filled)


def test_reference_files_that_are_there_stay(
    filled: Settings, new_settings: Callable[[], Settings], tmp_path: Path
) -> None:
    place = made(filled, tmp_path / "backups")
    target = new_settings()
    said: list[str] = []
    assert target.reference_dir is not None
    (target.reference_dir / "rates.csv").write_text("mine")
    restore(target, place, said.append)
    assert [file.name for file in target.reference_dir.iterdir()] == ["rates.csv"]
    assert f"those of the backup are in {place / 'reference'}" in said[1]


@pytest.mark.parametrize("damage", ["changed", "cut short", "cut short with its sum"])
def test_a_damaged_backup_changes_nothing(
    filled: Settings, new_settings: Callable[[], Settings], tmp_path: Path, damage: str
) -> None:
    place = made(filled, tmp_path / "backups")
    dump = place / "warehouse.dump"
    content = dump.read_bytes()
    dump.write_bytes(content[:-200] if "cut" in damage else content[:-200] + b"x" * 200)
    if damage.endswith("sum"):
        about = json.loads((place / "about.json").read_text())
        (place / "about.json").write_text(json.dumps({**about, "sha256": fingerprint(dump)}))
    target = new_settings()
    with pytest.raises(WorkledgerError, match=r"is not what was saved|nothing was changed|is no backup"):
        restore(target, place, print)
    assert tables(target) == set()
    assert target.reference_dir is not None
    assert list(target.reference_dir.iterdir()) == []


def test_a_backup_of_a_newer_release_is_refused(
    filled: Settings, new_settings: Callable[[], Settings], tmp_path: Path
) -> None:
    place = made(filled, tmp_path / "backups")
    about = json.loads((place / "about.json").read_text())
    (place / "about.json").write_text(json.dumps({**about, "billing": "9999"}))
    target = new_settings()
    with pytest.raises(WorkledgerError, match=r"with schema billing 9999, and this one knows .*; update Workledger"):
        restore(target, place, print)
    assert tables(target) == set()


def test_what_is_no_backup_is_named(new_settings: Callable[[], Settings], tmp_path: Path) -> None:
    with pytest.raises(
        WorkledgerError, match=r"is no backup of Workledger .*name a folder that `workledger backup` has made"
    ):
        restore(new_settings(), tmp_path, print)


def test_the_newest_stay_and_what_is_not_a_backup_stays(filled: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    (folder / "workledger-20200101T000000Z").mkdir(parents=True)
    for name in ("workledger-20250101T000000Z", "workledger-20250102T000000Z"):
        (folder / name).mkdir()
        (folder / name / "about.json").write_text("{}")
    said: list[str] = []
    backup(filled, folder, 2, said.append)
    left = sorted(path.name for path in folder.iterdir())
    # The first is no whole backup, so nobody knows what it is.
    assert left[:2] == ["workledger-20200101T000000Z", "workledger-20250102T000000Z"]
    assert len(left) == 3
    assert said[1:] == [f"{folder / 'workledger-20250101T000000Z'} is removed; the newest 2 backups stay."]


def test_what_fails_leaves_nothing_behind(filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backups"

    def fails(*_: object) -> None:
        raise WorkledgerError("the disk is full")

    monkeypatch.setattr("orchestration.commands.backup.save", fails)
    with pytest.raises(WorkledgerError, match="the disk is full"):
        backup(filled, folder, None, print)
    assert list(folder.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(WorkledgerError, match="cannot be written"):
        backup(filled, tmp_path / "file", None, print)


def test_every_setting_of_the_address_reaches_the_server_but_no_password_is_shown(
    filled: Settings, new_settings: Callable[[], Settings], tmp_path: Path
) -> None:
    dsn = f"{filled.warehouse_dsn}&keepalives_idle=30"
    place = made(replace(filled, warehouse_dsn=dsn), tmp_path / "backups")
    target = new_settings()
    restore(replace(target, warehouse_dsn=f"{target.warehouse_dsn}&keepalives_idle=30"), place, lambda _: None)
    assert "raw_jira.issues" in tables(target)
    with pytest.raises(WorkledgerError, match="WAREHOUSE_DSN has sslpassword, which others could read"):
        backup(replace(filled, warehouse_dsn=f"{dsn}&sslpassword=x"), tmp_path / "backups", None, print)
