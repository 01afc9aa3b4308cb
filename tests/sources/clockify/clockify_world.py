"""A small Clockify on the sandbox server, and the source's pipeline beside it. The tests themselves are elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dlt

from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sandbox.vendors.clockify import API_KEY
from sources.catalog import SOURCES
from sources.kit import destination

WORKSPACE = "64a687e29ae1f428e7ebe303"
ENTITIES = ("users", "clients", "projects", "tags", "time_entries")


def object_id(moment: datetime, number: int) -> str:
    """A Clockify id as made at `moment`."""
    return f"{int(moment.timestamp()):08x}{number:016x}"


def entry(number: int, user: str, start: datetime, **values: Any) -> dict[str, Any]:
    """A time entry of one hour, made when it starts."""
    end = start + timedelta(hours=1)
    return {
        "id": object_id(start, number),
        "workspaceId": WORKSPACE,
        "userId": user,
        "projectId": values.pop("projectId", "p1"),
        "taskId": None,
        "tagIds": ["t1"],
        "description": f"entry {number}",
        "billable": True,
        "type": "REGULAR",
        "isLocked": False,
        "customFieldValues": [],
        "timeInterval": {"start": text(start), "end": text(end), "duration": "PT1H"},
        **values,
    }


def text(moment: datetime) -> str:
    """The vendor's way to write a moment."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Clockify:
    """The sandbox's Clockify, the source's pipeline, and the comparison of both."""

    server: SandboxServer
    warehouse: Warehouse
    pipelines_dir: Path
    now: datetime
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self) -> dict[str, int]:
        """Run the source; the number of requests it made, and of rows it handed over by table."""
        before = len(self.server.requests)
        dlt.config["runtime.log_level"] = "ERROR"
        dlt.secrets["sources.clockify.api_key"] = API_KEY
        dlt.config["sources.clockify.base_url"] = f"{self.server.url}/clockify/api/v1"
        for name, value in {
            "look_back_days": 60,
            "sweep_days": 7,
            "accept_loss": "",
            "accept_account": "",
            **self.settings,
        }.items():
            dlt.config[f"sources.clockify.{name}"] = value
        pipeline = destination.pipeline("clockify", self.warehouse.dsn("loader"), "raw_clockify", self.pipelines_dir)
        pipeline.run(SOURCES["clockify"].build())
        assert pipeline.last_trace is not None
        assert pipeline.last_trace.last_normalize_info is not None
        rows = pipeline.last_trace.last_normalize_info.row_counts
        return {"requests": len(self.server.requests) - before, **rows}

    def mutate(self, collection: str, **changes: Any) -> None:
        self.server.mutate("clockify", collection, **changes)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect("owner") as connection:
            return connection.execute(sql).fetchall()

    def truth(self, collection: str) -> dict[str, dict[str, Any]]:
        """What the vendor has now, inactive users included."""
        data = self.server.data("clockify")
        with data.lock:
            data.refresh()
            return {record.key: record.value for record in data.records(collection)}

    def landed(self, table: str) -> dict[str, dict[str, Any]]:
        return dict(self.query(f"select id, record from raw_clockify.{table} where not is_deleted"))

    def deleted(self, table: str) -> set[str]:
        return {row[0] for row in self.query(f"select id from raw_clockify.{table} where is_deleted")}

    def versions(self) -> dict[str, set[tuple[str, str]]]:
        """By table, the physical version of every row: equal versions mean that nothing was written."""
        return {
            table: set(self.query(f"select id, xmin::text from raw_clockify.{table}"))
            for table in ("workspaces", *ENTITIES)
        }

    def assert_equal_to_vendor(self, *, except_entries: Collection[str] = (), but_users: bool = False) -> None:
        """Live rows are the vendor's rows, field by field; no row appears twice.

        `but_users`: members appear once for each of several workspaces and are not compared.
        """
        for table in ENTITIES[but_users:]:
            expected = {key: value for key, value in self.truth(table).items() if key not in except_entries}
            found = {key: value for key, value in self.landed(table).items() if key not in except_entries}
            assert found == expected, table
            assert self.query(f"select count(*) - count(distinct id) from raw_clockify.{table}") == [(0,)], table
