"""Faults on request: which requests fail, and how, for any vendor.

A fault is a JSON object. Its keys select requests:

| key | means | default |
| --- | --- | --- |
| `vendor` | name of the vendor | every one |
| `method` | `GET`, `POST` … | every one |
| `path` | regular expression, searched for in the path below the vendor's prefix | every one |
| `query` | parameters and their values that must be in the request | none |
| `body` | regular expression, searched for in the request's body | none |
| `nth` | the matching request at which it begins, from 1 | 1 |
| `times` | for how many matching requests from there; 0 means always | 1 |

What it does, by `kind`:

- `status`: answers with an error instead. `status` (default 500), `retry_after` (the header Retry-After: seconds or a
  date; absent: no header), `headers`, `answer` (a JSON body). That covers every form of a rate limit, including
  GitHub's 403 and its GraphQL 200 with errors.
- `html`: answers with an HTML page, as a proxy would. `status` (default 502; with 200 the error is harder to notice).
- `truncate`: cuts the answer's body short and closes the connection. `keep` (share of the bytes, default 0.5),
  `honest` (true: the length header matches the cut body, so that only the JSON is broken).
- `disconnect`: closes the connection without an answer.
- `malform`: spoils one record of the answer. `index` (default 0), `set` (keys and values), `unset` (keys), `list_name`
  (of the list in the answer; default: the answer itself or its first list that is not empty).
- `mutate`: edits the dataset around the answer: page drift. `when` (`before`, default, or `after`), `changes`: a
  list of `{"collection": …}` with `vendor`, `insert` (lines), `update` (keys to set, by record key), `delete` (record
  keys), `first` (true: at the beginning), `at` (a time), all optional.
- `slow`: waits before the answer. `seconds` (default 1).

All faults that match a request act, waits and edits first; of those that answer or spoil, the first wins.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from sandbox.vendors import Request, Response

Kind = Literal["status", "html", "truncate", "disconnect", "malform", "mutate", "slow"]

HTML_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


class FaultError(Exception):
    """An invalid fault."""


@dataclass
class Fault:
    """One fault, as described at the top of the module."""

    kind: Kind
    vendor: str | None = None
    method: str | None = None
    path: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    nth: int = 1
    times: int = 1
    status: int | None = None
    retry_after: str | int | float | None = None
    headers: dict[str, str] = field(default_factory=dict)
    answer: Any = None
    keep: float = 0.5
    honest: bool = False
    index: int = 0
    set: dict[str, Any] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    list_name: str | None = None
    when: Literal["before", "after"] = "before"
    changes: Any = field(default_factory=list)
    seconds: float = 1.0
    seen: int = 0
    """How many requests have matched so far."""
    fired: int = 0
    """How many of them it acted on."""

    def meets(self, vendor: str, request: Request) -> bool:
        """Count a request if it matches, and return whether the fault acts on it."""
        if self.vendor not in (None, vendor) or self.method not in (None, request.method):
            return False
        if self.path is not None and not re.search(self.path, request.path):
            return False
        if any(request.one(name) != str(value) for name, value in self.query.items()):
            return False
        if self.body is not None and not re.search(self.body, request.body.decode(errors="replace")):
            return False
        self.seen += 1
        acts = self.seen >= self.nth and (self.times == 0 or self.seen < self.nth + self.times)
        self.fired += acts
        return acts


def parse_fault(value: Mapping[str, Any]) -> Fault:
    """Read one fault.

    Raises:
        FaultError: an unknown kind or key.
    """
    if value.get("kind") not in get_args(Kind):
        raise FaultError(f"Unknown kind of fault {value.get('kind')!r}; there are {', '.join(get_args(Kind))}.")
    known = set(Fault.__dataclass_fields__) - {"seen", "fired"}
    unknown = set(value) - known
    if unknown:
        raise FaultError(f"Unknown key {sorted(unknown)[0]!r} in a fault of kind {value['kind']}.")
    return Fault(**value)


def read_faults(path: Path) -> list[Fault]:
    """Read a file of faults: a JSON list, or an object with a list `faults`.

    Raises:
        FaultError: the file is neither.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as problem:
        raise FaultError(f"The faults in {path} cannot be read: {problem}") from None
    return parse_faults(content)


def parse_faults(content: Any) -> list[Fault]:
    """Read faults from parsed JSON.

    Raises:
        FaultError: it is neither a list nor an object with a list `faults`.
    """
    items = content.get("faults") if isinstance(content, dict) else content
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FaultError("Faults are a JSON list of objects, or an object with such a list under `faults`.")
    return [parse_fault(item) for item in items]


class FaultBook:
    """The faults in force, shared by the server's threads."""

    def __init__(self, faults: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        """Start with faults, parsed or as JSON objects."""
        self._lock = threading.Lock()
        self.faults: list[Fault] = []
        self.add(faults)

    def add(self, faults: Iterable[Fault | Mapping[str, Any]]) -> None:
        """Add faults."""
        parsed = [fault if isinstance(fault, Fault) else parse_fault(fault) for fault in faults]
        with self._lock:
            self.faults.extend(parsed)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self.faults.clear()

    def meeting(self, vendor: str, request: Request) -> list[Fault]:
        """Return the faults that act on this request, and count it for all that it matches."""
        with self._lock:
            return [fault for fault in self.faults if fault.meets(vendor, request)]


def error_response(fault: Fault) -> Response | None:
    """Return the answer of a fault that answers instead of the vendor; None for other kinds."""
    if fault.kind == "html":
        return Response(HTML_PAGE, fault.status or 502, {"Content-Type": "text/html"})
    if fault.kind != "status":
        return None
    status = fault.status or 500
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    answer = fault.answer
    if answer is None:
        answer = {"message": "Too many requests" if status == 429 else "Something went wrong", "code": status}
    return Response(answer, status, headers)


def spoil(fault: Fault, content: bytes) -> bytes:
    """Spoil one record of an answer's JSON; an answer without records stays unchanged."""
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
    records = answer
    if isinstance(answer, dict):
        lists = [value for name, value in answer.items() if isinstance(value, list) and fault.list_name in (None, name)]
        records = next((value for value in lists if value), [])
    if not isinstance(records, list) or fault.index >= len(records) or not isinstance(records[fault.index], dict):
        return content
    for name in fault.unset:
        records[fault.index].pop(name, None)
    records[fault.index].update(fault.set)
    return orjson.dumps(answer)
