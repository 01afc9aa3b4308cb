"""The fixtures of the Clockify tests: a small vendor, and waiting that takes no time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.warehouse.connection import Warehouse
from sandbox.server import SandboxServer
from tests.sources.clockify.clockify_world import WORKSPACE, Clockify, entry


@pytest.fixture
def clockify(tmp_path: Path, fresh_database: Warehouse) -> Iterator[Clockify]:
    """Five members (one inactive), eight months of entries, a workspace in Berlin's wall clock."""
    now = datetime.now(UTC).replace(microsecond=0)
    members = ["u1", "u2", "u3", "u4", "u5"]
    users = [
        {
            "id": user,
            "email": f"{user}@example.com",
            "name": None if user == "u4" else f"Person {user}",
            "status": "ACTIVE",
            "settings": None if user == "u3" else {"timeZone": "Europe/Berlin"},
            "memberships": [
                {
                    "userId": user,
                    "targetId": WORKSPACE,
                    "membershipType": "WORKSPACE",
                    "membershipStatus": "INACTIVE" if user == "u5" else "ACTIVE",
                }
            ],
        }
        for user in members
    ]
    entries = []
    number = 0
    for day in range(1, 240, 2):
        for user in members:
            number += 1
            start = now - timedelta(days=day, hours=number % 7)
            entries.append(entry(number, user, start, projectId=f"p{number % 3 + 1}" if number % 5 else None))
    folder = tmp_path / "dataset"
    collections: dict[str, list[dict[str, Any]]] = {
        "workspaces": [
            {
                "id": WORKSPACE,
                "name": "Agency",
                "hourlyRate": {"amount": 9000, "currency": "EUR"},
                "currencies": [
                    {"id": "c1", "code": "USD", "isDefault": False},
                    {"id": "c2", "code": "EUR", "isDefault": True},
                ],
                "_sandbox": {"window_zone": "Europe/Berlin"},
            }
        ],
        "users": users,
        "clients": [
            {"id": f"c{i}", "workspaceId": WORKSPACE, "name": f"Client {i}", "archived": i == 2, "currencyCode": "USD"}
            for i in (1, 2)
        ],
        "projects": [
            {
                "id": f"p{i}",
                "workspaceId": WORKSPACE,
                "name": f"Project {i}",
                "clientId": f"c{i % 2 + 1}",
                "archived": i == 3,
                "billable": True,
                "hourlyRate": {"amount": 12500, "currency": "USD"} if i == 1 else None,
            }
            for i in (1, 2, 3)
        ],
        "tags": [{"id": "t1", "workspaceId": WORKSPACE, "name": "on site", "archived": False}],
        "time_entries": entries,
    }
    for name, rows in collections.items():
        path = folder / "clockify" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with SandboxServer(folder) as server:
        yield Clockify(server, fresh_database, tmp_path / "pipelines", now)


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting takes no time and pages are short; the seconds that would have been waited are kept."""
    seconds: list[float] = []
    monkeypatch.setattr("sources.kit.http.pause", seconds.append)
    monkeypatch.setattr("sources.clockify.resources.PAGE_SIZE", 50)
    return seconds
