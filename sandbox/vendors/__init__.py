"""One module per vendor: how it answers over HTTP, and how the made-up agency looks in its collections.

The vendor interface. A module `sandbox.vendors.<name>` declares:

`COLLECTIONS: dict[str, str]`
    Key field by collection, `{"worklogs": "tempoWorklogId"}`; each is a file `<folder>/<name>/<collection>.jsonl`.
    Several fields joined by `+` form a compound key.
`authenticate(request, data) -> Response | None`
    None lets the request in; it may set `request.owner`, by which `data.records(…, owner=…)` filters. An answer
    turns the request away.
`routes(data) -> list[Route]`
    The vendor's paths below `/<name>`, tried in order; `{name}` in a pattern matches one segment, `{name:path}`
    also slashes. A handler takes the `Request` and returns a `Response`. It is called under `data.lock`, after the
    vendor's changed files were read again, so it may read `data` freely; `data.derived` keeps indexes between requests.
`not_found(request) -> Response`
    The vendor's answer to a path it does not know.
`export(agency) -> dict[str, Iterable[dict]]`
    The lines of each collection for a generated agency (`sandbox.agency.Agency`); the same agency gives the same lines.
    A vendor that serves no HTTP (the ClickHouse mirror) declares only `COLLECTIONS` and `export`.

Add the module's name to `VENDORS` and it is generated and served. Faults (`sandbox.faults`), the request log and edits
during paging work for every vendor without further code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import orjson

VENDORS: tuple[str, ...] = ("clockify", "jira", "tempo", "github", "plaid", "clickhouse", "planfact", "didox", "s3")
"""Names of the modules here, in the order in which they are generated."""


@dataclass
class Request:
    """A request as a vendor's handler sees it."""

    method: str
    path: str
    """The path below the vendor's prefix, unquoted."""
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    base_url: str
    """The vendor's own root, such as `http://127.0.0.1:8000/tempo`: for full links in answers."""
    parameters: dict[str, str] = field(default_factory=dict)
    """What the `{name}`s of the route matched."""
    owner: str | None = None
    """Owner of the credential, set by `authenticate`; None sees records of every owner."""

    def one(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def many(self, name: str) -> list[str]:
        """Return all values of a query parameter, comma lists split."""
        return [part for value in self.query.get(name, []) for part in value.split(",") if part]

    def json(self) -> Any:
        """Return the parsed body; None if it is empty or broken."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


@dataclass
class Response:
    """An answer: a `body` of bytes is sent unchanged, anything else as JSON."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the body's bytes."""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


def json_array(items: Iterable[bytes]) -> bytes:
    """Join records' JSON texts into the text of an array; no record is parsed or dumped again."""
    return b"[" + b",".join(items) + b"]"


Handler = Callable[[Request], Response]


class Route:
    """A method, a path pattern and a handler."""

    def __init__(self, method: str, pattern: str, handler: Handler) -> None:
        """Compile the pattern: `/workspaces/{workspace_id}/clients`."""
        self.method = method
        self.handler = handler
        expression = re.sub(r"\\\{(\w+)(:path)?\\\}", _group, re.escape(pattern))
        self.expression = re.compile(f"{expression}/?$")

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return what the pattern's names matched; None if the path does not match."""
        if method != self.method:
            return None
        found = self.expression.match(path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


def _group(found: re.Match[str]) -> str:
    return f"(?P<{found.group(1)}>{'.+' if found.group(2) else '[^/]+'})"


def load_vendor(name: str) -> ModuleType:
    """Import a vendor's module.

    Raises:
        KeyError: there is no such vendor.
    """
    if name not in VENDORS:
        raise KeyError(f"The sandbox knows no vendor {name!r}; it knows {', '.join(VENDORS)}.")
    from importlib import import_module

    return import_module(f"sandbox.vendors.{name}")
