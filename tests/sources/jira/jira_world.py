"""A Jira of the test's own: a dataset folder, a sandbox that serves it, a pipeline that lands it. No assertions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

import sources.jira.resources
from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from sandbox.vendors.jira import TOKEN
from sources.kit import destination
from sources.kit.errors import readable

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def project(number: int, key: str, **changes: Any) -> dict[str, Any]:
    """A project as Jira returns it."""
    value = {"id": str(number), "key": key, "name": f"Project {key}", "projectTypeKey": "software", "style": "classic"}
    return {**value, **changes}


def user(number: int, **changes: Any) -> dict[str, Any]:
    """An account as Jira returns it."""
    value = {
        "accountId": f"712020:{number}",
        "accountType": "atlassian",
        "displayName": f"Person {number}",
        "active": True,
    }
    return {**value, **changes}


def issue(number: int, project_key: str = "CON", project_id: str = "10", **changes: Any) -> dict[str, Any]:
    """An issue as Jira returns it; `changes` overwrite its fields."""
    at = f"2026-05-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00.000+0000"
    fields: dict[str, Any] = {
        "summary": f"Issue {number}",
        "description": {
            "type": "doc",
            "version": 1,
            "content": [{"type": "paragraph", "content": [{"type": "text", "text": f"Text {number}"}]}],
        },
        "status": {
            "id": "3",
            "name": "In Progress",
            "statusCategory": {"id": 4, "key": "indeterminate", "name": "In Progress"},
        },
        "issuetype": {"id": "10002", "name": "Task", "subtask": False},
        "project": {"id": project_id, "key": project_key, "name": f"Project {project_key}"},
        "priority": {"id": "3", "name": "Medium"},
        "assignee": {"accountId": "712020:1", "displayName": "Person 1"} if number % 3 else None,
        "reporter": {"accountId": "712020:2", "displayName": "Person 2"},
        "creator": {"accountId": "712020:2", "displayName": "Person 2"},
        "labels": ["desk"],
        "created": at,
        "updated": at,
        "resolution": None,
        "resolutiondate": None,
        "customfield_10016": None,
        "customfield_10026": 3.0,
    }
    key = changes.pop("key", f"{project_key}-{number}")
    marks = {"_sandbox": changes.pop("_sandbox")} if "_sandbox" in changes else {}
    return {"id": str(1000 + number), "key": key, "fields": {**fields, **changes}, **marks}


def history(number: int, issue_number: int, **changes: Any) -> dict[str, Any]:
    """A changelog entry as Jira returns it, with its issue's id."""
    value = {
        "id": str(number),
        "issueId": str(1000 + issue_number),
        "author": {"accountId": "712020:1", "displayName": "Person 1"},
        "created": f"2026-05-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00.000+0000",
        "items": [
            {
                "field": "status",
                "fieldtype": "jira",
                "fieldId": "status",
                "from": "1",
                "fromString": "To Do",
                "to": "3",
                "toString": "In Progress",
            }
        ],
    }
    return {**value, **changes}


def field_(identifier: str, name: str, kind: str = "string", custom: str = "") -> dict[str, Any]:
    """A field as Jira returns it."""
    schema = {"type": kind, "custom": custom, "customId": 1} if custom else {"type": kind, "system": identifier}
    return {"id": identifier, "key": identifier, "name": name, "custom": bool(custom), "schema": schema}


FIELDS = [
    field_("summary", "Summary"),
    field_("customfield_10016", "Story point estimate", "number", "com.pyxis.greenhopper.jira:jsw-story-points"),
    field_("customfield_10026", "Story Points", "number", "com.atlassian.jira.plugin.system.customfieldtypes:float"),
    field_("customfield_10014", "Epic Link", "any", "com.pyxis.greenhopper.jira:gh-epic-link"),
]

TABLES = ("issues", "issue_deletions", "transitions", "fields", "projects", "users", "quarantined_records")


@dataclass
class Jira:
    """The sandbox, the pipeline and the database of one test."""

    server: SandboxServer
    warehouse: Warehouse
    pipelines: Path
    waits: list[float] = field(default_factory=list)
    """What the client slept, seconds; nothing is really waited."""

    def run(self, *resources: str) -> Any:
        """Land once; returns dlt's load information."""
        pipeline = destination.pipeline("jira", self.warehouse.dsn("loader"), "raw_jira", self.pipelines)
        source = sources.jira.resources.jira()
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
            connection.execute("set search_path to raw_jira")
            try:
                return connection.execute(query).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the raw tables say, load columns aside."""
        return {
            table: self.rows(f"select to_jsonb(t) - 'loaded_at' - 'found_at' from {table} as t order by 1")
            for table in TABLES
        }

    def state(self) -> list[tuple[Any, ...]]:
        """The stored versions of dlt's state."""
        return self.rows("select version_hash from _dlt_pipeline_state order by version")

    def mutate(self, collection: str, **changes: Any) -> None:
        """Edit the dataset."""
        self.server.mutate("jira", collection, **changes)

    def change(self, number: int, *, at: datetime | None = None, **fields: Any) -> None:
        """Set fields of an issue, `updated` included where given; `key` and `_sandbox` may be among them."""
        data = self.server.data("jira")
        with data.lock:
            data.refresh()
            record = data.collections["issues"].by_key[str(1000 + number)]
        update: dict[str, Any] = {name: fields.pop(name) for name in ("key", "_sandbox") if name in fields}
        update["fields"] = {**record.value["fields"], **fields}
        self.mutate("issues", update={record.key: update}, **({"at": at} if at else {}))

    def truth(self) -> dict[str, tuple[Any, ...]]:
        """Key, project and summary of the issues that the sandbox shows, by id."""
        data = self.server.data("jira")
        with data.lock:
            data.refresh()
            projects = {record.key: record for record in data.records("projects", TOKEN)}
            shown = {}
            for record in data.records("issues", TOKEN):
                fields = record.value["fields"]
                place = projects.get(fields["project"]["id"])
                hidden = place is None or place.value.get("deleted") or place.marks.get("browse") is False
                if not hidden:
                    shown[record.key] = (
                        record.value["key"],
                        fields["project"]["id"],
                        fields["summary"],
                        fields["updated"],
                    )
            return shown

    def landed(self) -> dict[str, tuple[Any, ...]]:
        """The same of the issues that raw holds and no mark takes out of sight."""
        query = """
            select i.id, i.key, i.project_id, i.summary, i.record -> 'fields' ->> 'updated' from issues as i
            left join issue_deletions as d on d.id = i.id and d.state in ('deleted', 'not_visible') where d.id is null
        """
        return {row[0]: row[1:] for row in self.rows(query)}

    def histories(self) -> dict[str, str]:
        """Issue of every landed changelog entry."""
        return dict(self.rows("select id, issue_id from transitions"))

    def marks(self) -> dict[str, str]:
        """State of every issue that is not simply there."""
        return dict(self.rows("select id, state from issue_deletions where state <> 'visible'"))
