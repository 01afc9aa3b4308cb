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
  (of the list in the answer, at any depth; default: the answer itself or its first list that is not empty).
- `drop`: takes records out of the answer: an emptied list, or a lost page. `index` and `count` (which; default all),
  `list_name` as above, `last` (true: the answer says that no further page follows).
- `hide`: fewer rights. Lists lack the records whose id is in `ids`, and a path or a parameter that names one of them is
  answered with `status` (default 403) and `answer`.
- `mutate`: edits the dataset around the answer: page drift. `when` (`before`, default, or `after`), `changes`: a
  list of `{"collection": …}` with `vendor`, `insert` (lines), `update` (keys to set, by record key), `delete` (record
  keys), `first` (true: at the beginning), `at` (a time), all optional.
- `slow`: waits before the answer. `seconds` (default 1).

All faults that match a request act, waits and edits first; of those that answer or spoil, the first wins.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from sandbox.vendors import Request, Response

Kind = Literal["status", "html", "truncate", "disconnect", "malform", "drop", "hide", "mutate", "slow"]
SPOILING: frozenset[Kind] = frozenset({"truncate", "malform", "drop", "hide"})
"""The kinds that change the vendor's own answer."""

_IDS = ("id", "accountId", "account_id", "key", "tempoWorklogId")

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
    count: int | None = None
    last: bool = False
    ids: list[Any] = field(default_factory=list)
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


def error_response(fault: Fault, request: Request) -> Response | None:
    """Return the answer of a fault that answers this request instead of the vendor; None for other kinds."""
    if fault.kind == "html":
        return Response(HTML_PAGE, fault.status or 502, {"Content-Type": "text/html"})
    if fault.kind == "hide" and _names(request, fault.ids):
        return Response(fault.answer or {"message": "Access denied"}, fault.status or 403, dict(fault.headers))
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


def spoil(fault: Fault, response: Response) -> None:
    """Spoil records of an answer's JSON; an answer without records stays unchanged."""
    try:
        answer = orjson.loads(response.content())
    except orjson.JSONDecodeError:
        return
    records = next((value for value in _lists_in(answer, fault.list_name) if value), [])
    if fault.kind == "drop":
        end = None if fault.count is None else fault.index + fault.count
        del records[fault.index : end]
    elif fault.kind == "hide":
        hidden = set(map(str, fault.ids))
        records[:] = [record for record in records if not hidden & set(_ids_of(record))]
    elif fault.index < len(records) and isinstance(records[fault.index], dict):
        for name in fault.unset:
            records[fault.index].pop(name, None)
        records[fault.index].update(fault.set)
    if fault.last:
        _end_paging(answer, len(records), response.headers)
    response.body = orjson.dumps(answer)


def _lists_in(answer: Any, name: str | None) -> Iterator[list[Any]]:
    """The lists of an answer, the outermost first; those of a name at any depth, others only at the first one."""
    if isinstance(answer, list):
        yield answer
        return
    layer = [answer]
    while layer:
        objects = [one for one in layer if isinstance(one, dict)]
        yield from (
            value for one in objects for key, value in one.items() if isinstance(value, list) and name in (None, key)
        )
        layer = [value for one in objects for value in one.values()] if name else []


def _ids_of(record: Any) -> list[str]:
    return [str(record[name]) for name in _IDS if name in record] if isinstance(record, dict) else []


def _names(request: Request, ids: Iterable[Any]) -> bool:
    named = {*request.path.split("/"), *(value for values in request.query.values() for value in values)}
    return bool(named & set(map(str, ids)))


def _end_paging(answer: Any, count: int, headers: dict[str, str]) -> None:
    """Make a page the last one, in every vendor's way to say so."""
    headers.pop("Link", None)
    if "Last-Page" in headers:
        headers["Last-Page"] = "true"
    if isinstance(answer, dict):
        answer.pop("nextPageToken", None)
        if "isLast" in answer:
            answer["isLast"] = True
        if "total" in answer:
            answer["total"] = answer.get("startAt", 0) + count
        if isinstance(answer.get("metadata"), dict):
            answer["metadata"].pop("next", None)
        for page in _objects_in(answer, "pageInfo"):
            page["hasNextPage"] = False


def _objects_in(answer: Any, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a name, at any depth outside of lists."""
    for key, value in answer.items():
        if isinstance(value, dict):
            if key == name:
                yield value
            yield from _objects_in(value, name)
