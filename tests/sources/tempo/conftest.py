"""Fixtures of the Tempo tests; what they are made of is in `tempo_world`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import orjson
import pytest

import sources.tempo.client
from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sandbox.vendors.tempo import TOKEN
from sources.kit.http import HttpClient
from tests.sources.tempo.tempo_world import Tempo, account


@pytest.fixture
def empty_warehouse(warehouse: Warehouse) -> Warehouse:
    """The module's database as before the source's first run; a database for each test would take a second each."""
    with warehouse.connect("loader") as connection:
        query = "select schemaname, tablename from pg_tables where schemaname in ('raw_tempo', 'raw_tempo_staging')"
        for schema, table in connection.execute(query).fetchall():
            connection.execute(f'drop table "{schema}"."{table}"')
    return warehouse


@pytest.fixture
def make_tempo(
    tmp_path: Path, empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Tempo]]:
    """A function that serves the given worklogs and accounts."""
    opened: list[SandboxServer] = []

    def make(worklogs: list[dict[str, Any]], accounts: list[dict[str, Any]] | None = None, **options: Any) -> Tempo:
        folder = tmp_path / "dataset"
        for name, lines in (("worklogs", worklogs), ("accounts", accounts or [account(1)])):
            path = folder / "tempo" / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        server = SandboxServer(folder, remember=False, **options).start()
        opened.append(server)
        tempo = Tempo(server, empty_warehouse, tmp_path / "pipelines")
        monkeypatch.setattr(sources.tempo.client, "HttpClient", functools.partial(HttpClient, sleep=tempo.waits.append))
        dlt.config["sources.tempo.base_url"] = f"{server.url}/tempo"
        dlt.secrets["sources.tempo.api_token"] = TOKEN
        return tempo

    yield make
    for server in opened:
        server.stop()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    """Pages of ten rows that overlap by two, so that few rows make many pages."""
    monkeypatch.setattr(sources.tempo.client, "PAGE_SIZE", 10)
    monkeypatch.setattr(sources.tempo.client, "OVERLAP", 2)
    return 10
