"""Fixtures of the Jira tests; what they are made of is in `jira_world`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import orjson
import pytest

import sources.jira.client
from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sandbox.vendors.jira import EMAIL, TOKEN
from sources.kit.http import HttpClient
from tests.sources.jira.jira_world import FIELDS, Jira, project, user


@pytest.fixture
def empty_warehouse(warehouse: Warehouse) -> Warehouse:
    """The module's database as before the source's first run; a database for each test would take a second each."""
    with warehouse.connect("loader") as connection:
        query = "select schemaname, tablename from pg_tables where schemaname in ('raw_jira', 'raw_jira_staging')"
        for schema, table in connection.execute(query).fetchall():
            connection.execute(f'drop table "{schema}"."{table}"')
    return warehouse


@pytest.fixture
def make_jira(
    tmp_path: Path, empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Jira]]:
    """A function that serves the given issues, changelogs, projects, users and fields."""
    opened: list[SandboxServer] = []

    def make(
        issues: list[dict[str, Any]],
        changelogs: list[dict[str, Any]] | None = None,
        *,
        projects: list[dict[str, Any]] | None = None,
        users: list[dict[str, Any]] | None = None,
        fields: list[dict[str, Any]] | None = None,
        deployment: str = "cloud",
        **options: Any,
    ) -> Jira:
        folder = tmp_path / "dataset"
        collections = {
            "issues": issues,
            "changelogs": changelogs or [],
            "projects": projects or [project(10, "CON"), project(20, "HD")],
            "users": users or [user(1, emailAddress=EMAIL, timeZone="Australia/Sydney"), user(2)],
            "fields": FIELDS if fields is None else fields,
        }
        for name, lines in collections.items():
            path = folder / "jira" / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        server = SandboxServer(folder, remember=False, **options).start()
        opened.append(server)
        jira = Jira(server, empty_warehouse, tmp_path / "pipelines")
        client = functools.partial(HttpClient, sleep=jira.waits.append)
        monkeypatch.setattr(sources.jira.client, "HttpClient", client)
        settings = {"base_url": f"{server.url}/jira", "email": EMAIL, "deployment": deployment}
        for name, value in settings.items():
            dlt.config[f"sources.jira.{name}"] = value
        dlt.secrets["sources.jira.api_token"] = TOKEN
        return jira

    yield make
    for server in opened:
        server.stop()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages, so that few issues make many."""
    for name, size in (("ISSUE_PAGE", 5), ("KEY_PAGE", 7), ("OFFSET_PAGE", 5), ("OFFSET_KEY_PAGE", 7), ("OVERLAP", 2)):
        monkeypatch.setattr(sources.jira.client, name, size)
    for name, size in (("HISTORY_PAGE", 4), ("ISSUES_IN_BULK", 3), ("ISSUES_OF_CHANGELOGS", 10), ("LISTING_PAGE", 1)):
        monkeypatch.setattr(sources.jira.client, name, size)
