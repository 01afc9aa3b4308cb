"""Fixtures of the sandbox's tests: a small hand-written Clockify dataset, and one generated agency for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sandbox.agency import Agency
from sandbox.generate import generate
from sandbox.server import SandboxServer
from tests.sandbox.sandbox_world import entry, write_collection

AS_OF = date(2026, 11, 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset with one workspace, one user and five entries, the newest `e5`."""
    write_collection(tmp_path, "clockify/workspaces", [{"id": "w1", "name": "Ours"}])
    write_collection(tmp_path, "clockify/users", [{"id": "u1", "name": "Ada", "status": "ACTIVE"}])
    rows = [entry(f"e{day}", f"2026-03-0{day}T10:00:00Z") for day in range(1, 6)]
    write_collection(tmp_path, "clockify/time_entries", rows)
    return tmp_path


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., SandboxServer]]:
    """Start servers on `folder`; they are stopped after the test."""
    servers: list[SandboxServer] = []

    def start(**options: Any) -> SandboxServer:
        server = SandboxServer(folder, **options).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Agency, Path]:
    """A small agency (a third of the usual staff, two months) and its dataset folder. Not to be edited."""
    folder = tmp_path_factory.mktemp("generated")
    return generate(folder, scale=0.3, seed=7, as_of=AS_OF, months=2), folder
