"""A Tempo of the test's own: a dataset folder, a sandbox that serves it, a pipeline that lands it. No assertions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

import sources.tempo.resources
from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sandbox.vendors.tempo import TOKEN
from sources.kit import destination
from sources.kit.errors import readable


def worklog(number: int, **changes: Any) -> dict[str, Any]:
    """A worklog as Tempo returns it; `changes` overwrite its keys."""
    hour, minute = 8 + number % 9, number % 60
    value: dict[str, Any] = {
        "self": f"https://api.tempo.io/4/worklogs/{number}",
        "tempoWorklogId": number,
        "issue": {"self": f"https://site.example/rest/api/2/issue/{500 + number % 7}", "id": 500 + number % 7},
        "timeSpentSeconds": 1800 + number % 5 * 60,
        "billableSeconds": 1800,
        "startDate": f"2026-03-{1 + number % 28:02}",
        "startTime": f"{hour:02}:{minute:02}:00",
        "startDateTimeUtc": f"2026-03-{1 + number % 28:02}T{hour:02}:{minute:02}:00Z",
        "description": f"Work {number}",
        "createdAt": f"2026-04-01T{hour:02}:{minute:02}:00Z",
        "updatedAt": f"2026-04-01T{hour:02}:{minute:02}:00Z",
        "author": {"self": "https://site.example/rest/api/2/user?accountId=712020:a", "accountId": "712020:a"},
        "attributes": {"self": f"https://api.tempo.io/4/worklogs/{number}/work-attribute-values", "values": []},
    }
    return {**value, **changes}


def account(number: int, **changes: Any) -> dict[str, Any]:
    """An account as Tempo returns it."""
    value: dict[str, Any] = {
        "self": f"https://api.tempo.io/4/accounts/ACC-{number}",
        "id": number,
        "key": f"ACC-{number}",
        "name": f"Account {number}",
        "status": "OPEN",
        "global": False,
        "lead": {"self": "https://site.example/rest/api/2/user?accountId=712020:a", "accountId": "712020:a"},
        "links": {"self": f"https://api.tempo.io/4/accounts/ACC-{number}/links"},
    }
    return {**value, **changes}


@dataclass
class Tempo:
    """The sandbox, the pipeline and the database of one test."""

    server: SandboxServer
    warehouse: Warehouse
    pipelines: Path
    waits: list[float] = field(default_factory=list)
    """What the client slept, seconds; nothing is really waited."""

    def run(self, *resources: str) -> Any:
        """Land once; returns dlt's load information."""
        pipeline = destination.pipeline("tempo", self.warehouse.dsn("loader"), "raw_tempo", self.pipelines)
        source = sources.tempo.resources.tempo()
        return pipeline.run(source.with_resources(*resources) if resources else source)

    def refusal(self) -> str:
        """Run, expect the source to give up, and return its sentence."""
        with pytest.raises(PipelineStepFailed) as failure:
            self.run()
        sentence = readable(failure.value)
        assert sentence is not None
        return sentence

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the raw schema."""
        with self.warehouse.connect("loader") as connection:
            connection.execute("set search_path to raw_tempo")
            try:
                return connection.execute(query).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the raw tables say, load columns aside."""
        return {
            table: self.rows(f"select to_jsonb(t) - 'loaded_at' - 'found_at' from {table} as t order by 1")
            for table in ("worklogs", "worklog_deletions", "accounts", "quarantined_records")
        }

    def state(self) -> list[tuple[Any, ...]]:
        """The stored versions of dlt's state."""
        return self.rows("select version_hash from _dlt_pipeline_state order by version")

    def mutate(self, collection: str, **changes: Any) -> None:
        """Edit the dataset."""
        self.server.mutate("tempo", collection, **changes)

    def truth(self) -> dict[int, dict[str, Any]]:
        """The worklogs that the sandbox shows, by id."""
        data = self.server.data("tempo")
        with data.lock:
            data.refresh()
            return {int(record.key): record.value for record in data.records("worklogs", TOKEN)}

    def landed(self) -> dict[int, dict[str, Any]]:
        """The worklogs that raw holds and no mark calls deleted, by id."""
        query = """
            select w.id, w.record from worklogs as w
            left join worklog_deletions as d on d.id = w.id and d.is_deleted where d.id is null
        """
        return dict(self.rows(query))

    def marks(self) -> dict[int, str]:
        """Reason of every mark that is in force."""
        return dict(self.rows("select id, reason from worklog_deletions where is_deleted"))
