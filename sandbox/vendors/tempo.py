"""Tempo's REST API v4 as described in vendors, chapter 3, and the agency's worklogs in it.

Paths are those of the vendor below `/tempo`: `/tempo/4/worklogs`. The credential is the bearer token
`sandbox-tempo-token`, or any `owner` named in a line. A hand-written dataset may use these `_sandbox` keys,
besides the general ones: `deleted_at` on a worklog adds an entry to the audit log (as removing a line from the file
does), and `deleted_by` names its author.

A worklog counts as updated at its own `updatedAt`, or when its line was last changed in the file, whichever is
later; it is served unchanged.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.agency import Agency, Project, Worklog
from sandbox.dataset import Record, VendorData, format_time, parse_time
from sandbox.vendors import Request, Response, Route, json_array

TOKEN = "sandbox-tempo-token"

COLLECTIONS = {"worklogs": "tempoWorklogId", "accounts": "id", "work_attributes": "key"}

MAXIMUM_LIMIT = 5000
AUDIT_MAXIMUM_LIMIT = 1000
AUDIT_MEMORY = timedelta(days=180)
ACCOUNT_ATTRIBUTE = "_Account_"
JIRA_WORKLOG_OFFSET = 30_000
"""Jira's id of a worklog is Tempo's plus this: v4 shows it only in the two mappings."""

_ACTIONS = ("Created", "Updated", "Deleted")
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_UNAUTHORIZED_PAGE = b"<html><head><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"


class _BadRequestError(Exception):
    """A parameter that cannot be read."""


def authenticate(request: Request, data: VendorData) -> Response | None:
    """Require a bearer token; the refusal is an HTML page (vendors 3.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or (token != TOKEN and token not in data.owners()):
        return Response(_UNAUTHORIZED_PAGE, 401, {"Content-Type": "text/html;charset=utf-8"})
    request.owner = token
    return None


def not_found(request: Request) -> Response:
    """Answer an unknown path."""
    return _error(404, f"No resource at {request.path}")


def _error(status: int, message: str) -> Response:
    return Response({"errors": [{"message": message}]}, status)


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise _BadRequestError(f"{name} must be a number, not {text!r}")
    return int(text)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _BadRequestError(f"{name} must be a date, not {text!r}") from None


def _moment(text: str, name: str) -> datetime:
    """A date or a time; a date begins at midnight UTC."""
    try:
        return parse_time(text)
    except (TypeError, ValueError):
        raise _BadRequestError(f"{name} must be a date or yyyy-MM-dd'T'HH:mm:ssZ, not {text!r}") from None


@dataclass(frozen=True)
class _Ordered:
    """The worklogs in one order, hidden ones included, with their `keys` for bisection."""

    records: list[Record]
    keys: list[Any]
    unmarked: bool
    """Whether no record is ever hidden from anyone, so that a page is a slice."""


@dataclass(frozen=True)
class _Event:
    """An entry of the audit log."""

    at: datetime
    worklog: str
    action: str
    author: str
    worker: str
    owner: str | None
    """Whose worklog it was, None if everyone's."""

    def row(self) -> dict[str, Any]:
        return {
            "entityId": self.worklog,
            "entityType": "worklog",
            "action": self.action,
            "timestamp": format_time(self.at),
            "author": self.author,
            "worker": self.worker,
            "changes": [],
            "parentId": "",
        }


def _stated_time(value: dict[str, Any], name: str) -> datetime:
    # A deliberately malformed record must not stop the list: it counts as the oldest.
    try:
        return parse_time(value[name])
    except (KeyError, TypeError, ValueError):
        return _BEGINNING


def _author(value: dict[str, Any]) -> str:
    author = value.get("author")
    return str(author.get("accountId") or "") if isinstance(author, dict) else ""


class _Tempo:
    """The handlers."""

    def __init__(self, data: VendorData) -> None:
        self.data = data

    def guarded(self, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            try:
                return handler(request)
            except _BadRequestError as problem:
                return _error(400, str(problem))

        return handle

    # Worklogs

    def worklogs(self, request: Request) -> Response:
        if request.many("projectId"):
            # Only Jira, not this collection, has the project of an issue.
            raise _BadRequestError("The sandbox does not filter worklogs by projectId; use issueId")
        issues = {_number(text, "issueId") for text in request.many("issueId")}
        return self._list(request, lambda value: not issues or _issue(value) in issues)

    def search(self, request: Request) -> Response:
        body = request.json()
        wanted = body if isinstance(body, dict) else {}
        for name in ("from", "to", "updatedFrom"):
            if wanted.get(name):
                request.query[name] = [str(wanted[name])]
        authors, issues = set(wanted.get("authorIds") or ()), set(wanted.get("issueIds") or ())
        return self._list(
            request,
            lambda value: (not authors or _author(value) in authors) and (not issues or _issue(value) in issues),
        )

    def of_user(self, request: Request) -> Response:
        return self._list(request, lambda value: _author(value) == request.parameters["account"])

    def of_issue(self, request: Request) -> Response:
        issue = _number(request.parameters["issue"], "issueId")
        return self._list(request, lambda value: _issue(value) == issue)

    def _list(self, request: Request, fits: Callable[[dict[str, Any]], bool]) -> Response:
        order = request.one("orderBy")
        if order not in ("", "ID", "START_DATE_TIME", "UPDATED"):
            raise _BadRequestError("orderBy must be ID, START_DATE_TIME or UPDATED")
        ordered = self.data.derived(f"worklogs {order}", lambda: self._ordered(order))
        records: Sequence[Record] = ordered.records
        since = _moment(request.one("updatedFrom"), "updatedFrom") if request.one("updatedFrom") else None
        if since is not None and order == "UPDATED":
            # Descending: the keys are negative times, each with a negative id.
            records = records[: bisect_right(ordered.keys, (-since.timestamp(), 0))]
        elif since is not None:
            changed = self._changed()
            records = [record for record in records if self._updated(record, changed) >= since]
        first = _day(request.one("from"), "from").isoformat() if request.one("from") else ""
        last = _day(request.one("to"), "to").isoformat() if request.one("to") else ""
        if first:
            records = [record for record in records if str(record.value.get("startDate")) >= first]
        if last:
            records = [record for record in records if str(record.value.get("startDate")) <= last]
        if not ordered.unmarked:
            now = self.data.now()
            records = [record for record in records if record.is_visible(now, request.owner)]
        if request.path.rstrip("/") != "/4/worklogs" or request.many("issueId"):
            records = [record for record in records if fits(record.value)]
        return _paged(request, records)

    def _ordered(self, order: str) -> _Ordered:
        records = self.data.collections["worklogs"].records
        changed = self._changed()
        rows: list[tuple[Any, Record]] = []
        for record in records:
            worklog = int(record.key) if record.key.lstrip("-").isdigit() else 0
            start = f"{record.value.get('startDate')} {record.value.get('startTime')}"
            match order:
                case "UPDATED":
                    key: Any = (-self._updated(record, changed).timestamp(), -worklog)
                case "ID":
                    key = -worklog
                case _:
                    key = (start, worklog)
            rows.append((key, record))
        rows.sort(key=lambda row: row[0], reverse=order == "START_DATE_TIME")
        unmarked = not any(record.marks for record in records)
        return _Ordered([row[1] for row in rows], [row[0] for row in rows], unmarked)

    def _changed(self) -> dict[str, datetime]:
        """When lines were last added or changed in the file, by key."""
        return self.data.derived(
            "changed",
            lambda: {change.key: change.at for change in self.data.changes("worklogs") if change.kind != "deleted"},
        )

    def _updated(self, record: Record, changed: dict[str, datetime]) -> datetime:
        stated = _stated_time(record.value, "updatedAt")
        return max(stated, changed.get(record.key, stated))

    def worklog(self, request: Request) -> Response:
        record = self.data.find("worklogs", request.parameters["id"], request.owner)
        return Response(record.raw) if record is not None else _error(404, "Worklog not found")

    def to_jira(self, request: Request) -> Response:
        body = request.json()
        wanted = body.get("tempoWorklogIds") if isinstance(body, dict) else None
        if not isinstance(wanted, list) or not wanted:
            raise _BadRequestError("tempoWorklogIds must be a list of ids")
        found = [worklog for worklog in wanted if self.data.find("worklogs", str(worklog), request.owner)]
        return self._mapping(request, found)

    def from_jira(self, request: Request) -> Response:
        body = request.json()
        wanted = body.get("jiraWorklogIds") if isinstance(body, dict) else None
        if not isinstance(wanted, list) or not wanted:
            raise _BadRequestError("jiraWorklogIds must be a list of ids")
        ids = [int(worklog) - JIRA_WORKLOG_OFFSET for worklog in wanted]
        return self._mapping(request, [worklog for worklog in ids if self.data.find("worklogs", str(worklog))])

    def _mapping(self, request: Request, worklogs: Iterable[int]) -> Response:
        # Unknown ids are left out (vendors 3.2).
        rows = [
            {"tempoWorklogId": int(worklog), "jiraWorklogId": int(worklog) + JIRA_WORKLOG_OFFSET}
            for worklog in worklogs
        ]
        return _paged(request, [orjson.dumps(row) for row in rows])

    # Accounts and attributes

    def accounts(self, request: Request) -> Response:
        # The plain list leaves out archived accounts.
        return self._accounts(request, {"statuses": ["OPEN", "CLOSED"]})

    def search_accounts(self, request: Request) -> Response:
        body = request.json()
        return self._accounts(request, body if isinstance(body, dict) else {})

    def _accounts(self, request: Request, wanted: dict[str, Any]) -> Response:
        records = self.data.records("accounts", request.owner)
        for name, field in (("ids", "id"), ("keys", "key"), ("statuses", "status")):
            if wanted.get(name):
                records = [record for record in records if record.value.get(field) in wanted[name]]
        if wanted.get("global") is not None:
            records = [record for record in records if record.value.get("global") is wanted["global"]]
        return _paged(request, records)

    def account(self, request: Request) -> Response:
        record = self.data.find("accounts", request.parameters["id"], request.owner)
        return Response(record.raw) if record is not None else _error(404, "Account not found")

    def work_attributes(self, request: Request) -> Response:
        return _paged(request, self.data.records("work_attributes", request.owner))

    # The audit log

    def audit_log(self, request: Request) -> Response:
        body = request.json()
        wanted = body if isinstance(body, dict) else {}
        if not wanted.get("from"):
            raise _BadRequestError("from is required")
        start = _moment(wanted["from"], "from")
        if start < self.data.now() - AUDIT_MEMORY:
            raise _BadRequestError("from must be within the last 180 days")
        end = _moment(wanted["to"], "to") if wanted.get("to") else self.data.now()
        actions = [action for action in _ACTIONS if action in (wanted.get("action") or _ACTIONS)]
        if "worklog" not in (wanted.get("entityType") or ["worklog"]):
            actions = []
        events = [event for event in self._events(request.owner, actions) if start <= event.at <= end]
        limit = min(max(_number(request.one("limit", "100"), "limit"), 1), AUDIT_MAXIMUM_LIMIT)
        token = request.one("nextPageToken")
        offset = _number(token.removeprefix("page-"), "nextPageToken") if token else 0
        page = events[offset : offset + limit]
        metadata: dict[str, Any] = {"limit": limit}
        if offset + limit < len(events):
            following = f"page-{offset + limit}"
            metadata["nextPageToken"] = following
            link = urlencode({"limit": limit, "nextPageToken": following})
            metadata["nextPageUrl"] = f"{request.base_url}/4/papertrail/search?{link}"
        return Response(
            {
                "self": f"{request.base_url}/4/papertrail/search",
                "metadata": metadata,
                "results": [event.row() for event in page],
            }
        )

    def deleted_events(self, request: Request) -> Response:
        """The deprecated feed of deletions: string ids, a key to go on with."""
        if not request.one("updatedFrom"):
            raise _BadRequestError("updatedFrom is required")
        start = _moment(request.one("updatedFrom"), "updatedFrom")
        limit = min(max(_number(request.one("limit", "50"), "limit"), 50), AUDIT_MAXIMUM_LIMIT)
        last = request.one("lastEvaluatedKey")
        offset = _number(last, "lastEvaluatedKey") if last else 0
        events = [event for event in self._events(request.owner, ("Deleted",)) if event.at >= start]
        page = events[offset : offset + limit]
        metadata: dict[str, Any] = {"limit": limit, "count": len(page)}
        if offset + limit < len(events):
            following = urlencode({"updatedFrom": request.one("updatedFrom"), "limit": limit})
            address = f"{request.base_url}{request.path}?{following}&lastEvaluatedKey={offset + limit}"
            metadata |= {"lastEvaluatedKey": str(offset + limit), "next": address}
        rows = [
            {
                "tempoWorklogId": event.worklog,
                "jiraWorklogId": str(int(event.worklog) + JIRA_WORKLOG_OFFSET),
                "deletedAt": format_time(event.at),
            }
            for event in page
        ]
        return Response({"self": f"{request.base_url}{request.path}", "metadata": metadata, "results": rows})

    def _events(self, owner: str | None, actions: Iterable[str]) -> list[_Event]:
        """What happened to worklogs, oldest first. The log only grows: a restored worklog keeps its deletion entry."""
        now = self.data.now()
        found = [
            event for action in actions for event in self.data.derived(f"log {action}", partial(self._happened, action))
        ]
        visible = [event for event in found if event.at <= now and (owner is None or event.owner in (None, owner))]
        return sorted(visible, key=lambda event: (event.at, event.worklog))

    def _happened(self, action: str) -> list[_Event]:
        records = self.data.collections["worklogs"].records
        if action == "Deleted":
            taken_out = [
                _deletion(change.before, change.at)
                for change in self.data.changes("worklogs")
                if change.kind == "deleted" and change.before is not None
            ]
            return taken_out + [_deletion(record, record.deleted_at) for record in records if record.deleted_at]
        events = []
        for record in records:
            created, updated = _stated_time(record.value, "createdAt"), _stated_time(record.value, "updatedAt")
            author = _author(record.value)
            if action == "Created" or updated > created:
                at = created if action == "Created" else updated
                events.append(_Event(at, record.key, action, author, author, record.owner))
        return events


def _deletion(record: Record, at: datetime) -> _Event:
    worker = _author(record.value)
    author = str(record.marks.get("deleted_by") or worker)
    return _Event(at, record.key, "Deleted", author, worker, record.owner)


def _issue(value: dict[str, Any]) -> Any:
    issue = value.get("issue")
    return issue.get("id") if isinstance(issue, dict) else None


def _paged(request: Request, items: Sequence[Record | bytes]) -> Response:
    """One page by offset; `next` is a full link with all filters, absent on the last page (vendors 3.1)."""
    offset = _number(request.one("offset", "0"), "offset")
    limit = min(max(_number(request.one("limit", "50"), "limit"), 1), MAXIMUM_LIMIT)
    page = items[offset : offset + limit]
    metadata: dict[str, Any] = {"count": len(page), "offset": offset, "limit": limit}
    if offset + limit < len(items):
        metadata["next"] = _link(request, offset + limit, limit)
    if offset:
        metadata["previous"] = _link(request, max(offset - limit, 0), limit)
    head = orjson.dumps({"self": f"{request.base_url}{request.path}", "metadata": metadata})
    rows = json_array(item.raw if isinstance(item, Record) else item for item in page)
    return Response(head[:-1] + b',"results":' + rows + b"}")


def _link(request: Request, offset: int, limit: int) -> str:
    filters = {name: values for name, values in request.query.items() if name not in ("offset", "limit")}
    return f"{request.base_url}{request.path}?{urlencode({**filters, 'offset': offset, 'limit': limit}, doseq=True)}"


def routes(data: VendorData) -> list[Route]:
    """Return the paths that a reader needs."""
    api = _Tempo(data)
    handlers: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
        ("GET", "/4/worklogs", api.worklogs),
        ("POST", "/4/worklogs/search", api.search),
        ("POST", "/4/worklogs/tempo-to-jira", api.to_jira),
        ("POST", "/4/worklogs/jira-to-tempo", api.from_jira),
        ("GET", "/4/worklogs/user/{account}", api.of_user),
        ("GET", "/4/worklogs/issue/{issue}", api.of_issue),
        ("GET", "/4/worklogs/{id}", api.worklog),
        ("GET", "/4/accounts", api.accounts),
        ("POST", "/4/accounts/search", api.search_accounts),
        ("GET", "/4/accounts/{id}", api.account),
        ("GET", "/4/work-attributes", api.work_attributes),
        ("POST", "/4/papertrail/search", api.audit_log),
        ("GET", "/papertrail/1/events/deleted/types/worklog", api.deleted_events),
    )
    return [Route(method, pattern, api.guarded(handler)) for method, pattern, handler in handlers]


# The agency


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the agency's worklogs, accounts and work attributes as Tempo shows them."""
    accounts = {project.key: _account(agency, project) for project in agency.projects}
    return {
        "worklogs": (_worklog(worklog, accounts[worklog.ticket.project.key]) for worklog in agency.worklogs),
        "accounts": accounts.values(),
        "work_attributes": [
            {
                "self": f"https://api.tempo.io/4/work-attributes/{ACCOUNT_ATTRIBUTE}",
                "key": ACCOUNT_ATTRIBUTE,
                "name": "Account",
                "type": "ACCOUNT",
                "required": False,
            }
        ],
    }


def _account(agency: Agency, project: Project) -> dict[str, Any]:
    lead = agency.developers[(project.number - 1) % len(agency.developers)].jira_account_id
    address = f"https://api.tempo.io/4/accounts/{project.key}-ACC"
    account: dict[str, Any] = {
        "self": address,
        "id": 200 + project.number,
        "key": f"{project.key}-ACC",
        "name": f"{project.name} account",
        "status": "ARCHIVED" if project.archived else "OPEN",
        "global": project.client is None,
        "lead": {"self": f"https://lantern-works.atlassian.net/rest/api/2/user?accountId={lead}", "accountId": lead},
        "links": {"self": f"{address}/links"},
    }
    if project.client is not None:
        client = agency.client(project.client)
        account["customer"] = {
            "self": f"https://api.tempo.io/4/customers/{client.key.upper()}",
            "id": 900 + client.number,
            "key": client.key.upper(),
            "name": client.company_name,
        }
    return account


def _worklog(worklog: Worklog, account: dict[str, Any]) -> dict[str, Any]:
    """One worklog; a few lack the issue's id, the UTC start or the account."""
    address = f"https://api.tempo.io/4/worklogs/{worklog.number}"
    issue: dict[str, Any] = {"self": f"https://lantern-works.atlassian.net/rest/api/2/issue/{worklog.ticket.number}"}
    if worklog.number % 97:
        issue["id"] = worklog.ticket.number
    author = worklog.developer.jira_account_id
    value: dict[str, Any] = {
        "self": address,
        "tempoWorklogId": worklog.number,
        "issue": issue,
        "timeSpentSeconds": worklog.seconds,
        "billableSeconds": worklog.billable_seconds,
        "startDate": worklog.local_start.date().isoformat(),
        "startTime": worklog.local_start.strftime("%H:%M:%S"),
        "startDateTimeUtc": format_time(worklog.start),
        "description": worklog.description,
        "createdAt": format_time(worklog.created_at.replace(microsecond=0)),
        "updatedAt": format_time(worklog.updated_at.replace(microsecond=0)),
        "author": {
            "self": f"https://lantern-works.atlassian.net/rest/api/2/user?accountId={author}",
            "accountId": author,
        },
        "attributes": {"self": f"{address}/work-attribute-values", "values": []},
    }
    if worklog.number % 7 == 0:
        del value["startDateTimeUtc"]
    if worklog.number % 11:
        value["attributes"]["values"].append({"key": ACCOUNT_ATTRIBUTE, "value": account["key"]})
    return value
