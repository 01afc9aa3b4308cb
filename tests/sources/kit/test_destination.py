"""One load's connections to the warehouse: few, none left open, none trusted after a long silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pytest

import sources.kit.destination
from orchestration.warehouse.connection import Warehouse
from sources.kit import landed
from sources.kit.arrow import to_arrow
from sources.kit.quarantine import Quarantine
from sources.kit.table import Column, Table

THINGS = Table("things", "Things.", ("id",), (Column("id", "text", "Id."), Column("name", "text", "Name.")))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every connection that is opened through psycopg2, which is what dlt uses."""
    found: list[Any] = []
    connect = psycopg2.connect

    def counted(*arguments: Any, **options: Any) -> Any:
        found.append(connect(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(psycopg2, "connect", counted)
    return found


@pytest.fixture
def load(fresh_database: Warehouse, tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """A function that loads things by name and returns what had landed before, as several looks see it."""

    def run(name: str, between: Callable[[], None] = lambda: None) -> list[tuple[Any, ...]]:
        seen: list[tuple[Any, ...]] = []

        @dlt.resource(**THINGS.dlt_hints())
        def things() -> Iterator[Any]:
            for _ in range(5):
                seen[:] = landed.rows(THINGS, ["id", "name"])
            between()
            seen[:] = landed.rows(THINGS, ["id", "name"])
            yield to_arrow(THINGS, [{"id": "1", "name": name}], quarantine=Quarantine("tempo", datetime.now(UTC)))

        @dlt.source(name="tempo")
        def source() -> Any:
            return things

        pipeline = sources.kit.destination.pipeline("kept", fresh_database.dsn("loader"), "raw_tempo", tmp_path)
        pipeline.run(source(), loader_file_format="csv")
        return seen

    return run


def rows(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    with warehouse.connect("loader") as connection:
        return connection.execute("select id, name from raw_tempo.things").fetchall()


def test_a_load_opens_few_connections_and_leaves_none_open(
    load: Callable[..., Any], opened: list[Any], fresh_database: Warehouse
) -> None:
    load("first")
    opened.clear()
    assert load("second") == [("1", "first")]
    assert rows(fresh_database) == [("1", "second")]
    # dlt alone would open one for each of six looks and for every job besides; its jobs run side by side.
    assert len(opened) <= 4
    assert all(connection.closed for connection in opened)


def test_a_connection_that_was_silent_for_long_is_opened_again(
    load: Callable[..., Any], opened: list[Any], fresh_database: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("first")
    opened.clear()

    def silence() -> None:
        """As a firewall does: whatever is idle is cut off, and time goes by."""
        with fresh_database.connect("loader") as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where usename = current_user and datname = current_database() and pid != pg_backend_pid()"
            )
        monkeypatch.setattr(sources.kit.destination, "_MAXIMUM_IDLE_SECONDS", -1)

    assert load("second", silence) == [("1", "first")]
    assert rows(fresh_database) == [("1", "second")]
    assert all(connection.closed for connection in opened)


def test_what_a_failed_statement_leaves_behind_troubles_nobody(
    load: Callable[..., Any], opened: list[Any], fresh_database: Warehouse
) -> None:
    unknown = Table("nowhere", "Not there.", ("id",), (Column("id", "text", "Id."),))
    load("first")
    seen: list[Any] = []
    assert load("second", lambda: seen.extend(landed.rows(unknown, ["id"]))) == [("1", "first")]
    assert seen == []
    assert rows(fresh_database) == [("1", "second")]
    assert all(connection.closed for connection in opened)
