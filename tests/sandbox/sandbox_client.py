"""A plain HTTP client for the sandbox's tests: no retries, no niceties, every byte and header to be seen."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from sandbox.server import SandboxServer

CLOCKIFY_KEY = {"X-Api-Key": "sandbox-clockify-key"}
ENTRIES = "/workspaces/w1/user/u1/time-entries"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    def ids(self) -> list[str]:
        return [row["id"] for row in self.json()]


def ask(
    server: SandboxServer,
    path: str,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
) -> Answer:
    """Ask once over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def clockify(server: SandboxServer, path: str, key: dict[str, str] | None = None) -> Answer:
    """Ask Clockify's core host."""
    return ask(server, f"/clockify/api/v1{path}", CLOCKIFY_KEY if key is None else key)


def feed(server: SandboxServer, direction: str, query: str = "") -> list[str]:
    """Return the ids in a change feed of time entries, newest thirty days unless `query` says else."""
    return clockify(server, f"/workspaces/w1/entities/{direction}?type=TIME_ENTRY&limit=500{query}").ids()
