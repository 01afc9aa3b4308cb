"""Clockify's REST API v1 as described in vendors, chapter 1, and the agency's workspace in it.

Paths are those of the vendor below `/clockify`: `/clockify/api/v1/workspaces/…`. A hand-written dataset may use these
`_sandbox` keys, besides the general ones:

- any line: `created_at`, `updated_at` — what the change feeds show. Without them, `created_at` is `visible_from`,
  else when the line was added to its file, else `auditMetadata.createdAt`, else the start of a time entry or the time
  that a Clockify id begins with; `updated_at` is when the line was last changed in its file.
- a workspace's line: `window_zone` (the zone in which `start` and `end` of the entry list are re-read; default UTC) and
  `deleted_feed` (`bare`, default, or `envelope`: the vendor's own texts contradict each other).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.agency import AGENCY_TIMEZONE, MAIL_DOMAIN, Agency, Developer, Project, object_id
from sandbox.dataset import MARKS_KEY, Record, VendorData, format_time, parse_time
from sandbox.vendors import Request, Response, Route, json_array

API_KEY = "sandbox-clockify-key"

COLLECTIONS = {
    "workspaces": "id",
    "users": "id",
    "clients": "id",
    "projects": "id",
    "tasks": "id",
    "tags": "id",
    "time_entries": "id",
    "custom_fields": "id",
    "holidays": "id",
}

FEED_LAG = timedelta(seconds=60)
FEED_DEFAULT_RANGE = timedelta(days=30)
FEED_TYPES = {
    "TIME_ENTRY": "time_entries",
    "CLIENTS": "clients",
    "PROJECTS": "projects",
    "TAGS": "tags",
    "TASKS": "tasks",
    "TIME_ENTRY_RATE": None,
    "TIME_ENTRY_CUSTOM_FIELD_VALUE": None,
    "SCHEDULED_ASSIGNMENT": None,
}
MAXIMUM_PAGE_SIZE = 5000
VISIBLE_ACCOUNTS = {"ACTIVE", "PENDING_EMAIL_VERIFICATION", "NOT_REGISTERED"}
"""Account statuses that the user list returns unless others are asked for."""

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def authenticate(request: Request, data: VendorData) -> Response | None:
    """Require exactly one of the two credential headers (vendors 1.1)."""
    key, token = request.headers.get("x-api-key"), request.headers.get("x-addon-token")
    if (key is None) == (token is None):
        return _error(401, 1000, "Exactly one credential header is needed")
    if token is not None:
        return _error(401, 4017, "Add-on token is not valid")
    if key != API_KEY and key not in data.owners():
        return _error(401, 4003, "API key does not exist")
    request.owner = key
    return None


def not_found(request: Request) -> Response:
    """Answer an unknown path."""
    return _error(404, 404, f"No static resource {request.path.lstrip('/')}")


def _error(status: int, code: int, message: str) -> Response:
    return Response({"message": message, "code": code}, status)


def _missing(kind: str) -> Response:
    # The same answer for "never existed", "deleted" and "another workspace's" (vendors 1.1).
    return _error(400, 501, f"{kind} doesn't belong to Workspace")


class _ParameterError(Exception):
    """A query parameter that cannot be read."""


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise _ParameterError(f"{text!r} is not of the form yyyy-MM-ddThh:mm:ssZ") from None


def _number(request: Request, name: str, default: int) -> int:
    text = request.one(name, str(default))
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise _ParameterError(f"{name} must be a number, not {text!r}")
    return int(text)


def _paged(
    request: Request,
    items: Sequence[Record],
    *,
    default: int = 50,
    maximum: int = MAXIMUM_PAGE_SIZE,
    first: int = 0,
    last: int | None = None,
) -> Response:
    """Answer one page as a bare array with the header Last-Page; page 0 is page 1 (vendors 1.8).

    `first` and `last` narrow `items` without a copy: a list of 50,000 is sliced a thousand times.
    """
    end = len(items) if last is None else last
    page = max(_number(request, "page", 1), 1)
    size = min(max(_number(request, "page-size", default), 1), maximum)
    begin = first + (page - 1) * size
    body = json_array(record.raw for record in items[begin : min(begin + size, end)])
    return Response(body, headers={"Last-Page": "true" if begin + size >= end else "false"})


def _by_name(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (str(record.value.get("name") or "").lower(), record.key))


@dataclass
class _UserEntries:
    """A user's entries, newest first, and their starts, oldest first, for bisection."""

    records: list[Record]
    starts: list[float]
    unmarked: bool
    """Whether no record is ever hidden from anyone, so that a page is a slice."""


def _entry_start(record: Record) -> float:
    # A deliberately malformed record must not stop the list: it counts as the oldest.
    interval = record.value.get("timeInterval")
    try:
        return parse_time(interval["start"]).timestamp() if isinstance(interval, dict) else 0.0
    except (KeyError, TypeError, ValueError):
        return 0.0


def _index_entries(data: VendorData) -> dict[tuple[str, str], _UserEntries]:
    grouped: dict[tuple[str, str], list[tuple[float, str, Record]]] = {}
    for record in data.collections["time_entries"].records:
        place = (str(record.value.get("workspaceId")), str(record.value.get("userId")))
        grouped.setdefault(place, []).append((_entry_start(record), record.key, record))
    index = {}
    for place, rows in grouped.items():
        rows.sort(key=lambda row: row[:2])
        unmarked = not any(row[2].marks for row in rows)
        index[place] = _UserEntries([row[2] for row in reversed(rows)], [row[0] for row in rows], unmarked)
    return index


@dataclass(frozen=True)
class _Life:
    """When a document was created, last changed and deleted, as the change feeds show it."""

    kind: str
    record: Record
    created: datetime
    updated: datetime
    deleted: datetime | None

    def row(self) -> dict[str, Any]:
        audit = {"createdAt": format_time(self.created), "updatedAt": format_time(self.updated)}
        return {**self.record.value, "auditMetadata": audit, "documentType": self.kind}

    def deleted_row(self) -> dict[str, Any]:
        return {
            "id": self.record.key,
            "deletedAt": format_time(self.deleted) if self.deleted else None,
            "documentType": self.kind,
            "documentCode": self.kind,
            "document": self.record.value,
        }


def _default_creation(kind: str, record: Record, first_seen: datetime) -> datetime:
    audit = record.value.get("auditMetadata")
    if isinstance(audit, dict) and isinstance(audit.get("createdAt"), str):
        return parse_time(audit["createdAt"])
    if kind == "TIME_ENTRY" and (start := _entry_start(record)):
        return min(datetime.fromtimestamp(start, UTC), first_seen)
    if re.fullmatch(r"[0-9a-f]{24}", record.key):
        # A Mongo object id begins with its creation second.
        return min(datetime.fromtimestamp(int(record.key[:8], 16), UTC), first_seen)
    return _BEGINNING


def _lives(data: VendorData, kind: str) -> list[_Life]:
    """Derive every document's life from its `_sandbox` keys, its own dates and the journal of its file."""
    name = FEED_TYPES[kind]
    if name is None:
        return []
    collection = data.collections[name]
    first_seen = collection.first_seen_at or _BEGINNING
    born: dict[str, datetime] = {}
    changed: dict[str, datetime] = {}
    gone: dict[str, tuple[datetime, Record]] = {}
    for change in collection.changes:
        if change.kind == "created" and change.key not in gone:
            born[change.key] = change.at
        elif change.kind == "deleted" and change.before is not None:
            gone[change.key] = (change.at, change.before)
        else:
            # An edit, or a deleted document that came back: it is no longer deleted and counts as updated.
            gone.pop(change.key, None)
            changed[change.key] = change.at

    def life(record: Record, deleted: datetime | None) -> _Life:
        created = (
            record.mark_time("created_at")
            or record.visible_from
            or born.get(record.key)
            or _default_creation(kind, record, first_seen)
        )
        audit = record.value.get("auditMetadata")
        stated = parse_time(audit["updatedAt"]) if isinstance(audit, dict) and audit.get("updatedAt") else None
        times = [created, record.mark_time("updated_at"), changed.get(record.key), stated]
        return _Life(kind, record, created, max(time for time in times if time is not None), deleted)

    lives = [life(record, record.deleted_at) for record in collection.records]
    lives.extend(
        life(record, record.deleted_at or at) for key, (at, record) in gone.items() if key not in collection.by_key
    )
    return lives


def _told(data: VendorData, kind: str, direction: str) -> list[tuple[datetime, _Life]]:
    """Every life with the time that a feed reports, in order of time."""
    told = []
    for life in data.derived(f"lives {kind}", partial(_lives, data, kind)):
        at = {"created": life.created, "updated": life.updated, "deleted": life.deleted}[direction]
        if at is not None:
            told.append((at, life))
    return sorted(told, key=lambda row: row[0])


class _Clockify:
    """The handlers, over one workspace owner's data."""

    def __init__(self, data: VendorData) -> None:
        self.data = data

    def guarded(self, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            workspace = request.parameters.get("workspace")
            if workspace is not None and self.data.find("workspaces", workspace, request.owner) is None:
                return _missing("User")
            try:
                return handler(request)
            except _ParameterError as problem:
                return _error(400, 3000, str(problem))

        return handle

    def _in_workspace(self, name: str, request: Request) -> list[Record]:
        workspace = request.parameters["workspace"]
        return [
            record
            for record in self.data.records(name, request.owner)
            if record.value.get("workspaceId", workspace) == workspace
        ]

    def user(self, request: Request) -> Response:
        users = self.data.records("users", request.owner)
        own = [record for record in users if record.owner == request.owner] or users
        return Response(own[0].raw) if own else _missing("User")

    def workspaces(self, request: Request) -> Response:
        return Response(json_array(record.raw for record in self.data.records("workspaces", request.owner)))

    def workspace(self, request: Request) -> Response:
        return Response(self.data.collections["workspaces"].by_key[request.parameters["workspace"]].raw)

    def named_list(self, name: str) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            records = self._in_workspace(name, request)
            # Only archived=false filters; without it both kinds are returned (vendors 1.2).
            if request.one("archived").lower() == "false":
                records = [record for record in records if not record.value.get("archived")]
            if wanted := request.one("name").lower():
                strict = request.one("strict-name-search") == "true"
                records = [
                    record for record in records if (wanted == _name(record) if strict else wanted in _name(record))
                ]
            return _paged(request, _by_name(records))

        return handle

    def one_of(self, name: str, kind: str) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            record = self.data.find(name, request.parameters["id"], request.owner)
            return Response(record.raw) if record is not None else _missing(kind)

        return handle

    def tasks(self, request: Request) -> Response:
        project = request.parameters["id"]
        records = self._in_workspace("tasks", request)
        return _paged(request, _by_name(record for record in records if record.value.get("projectId") == project))

    def unpaged(self, name: str) -> Callable[[Request], Response]:
        """Routes that ignore paging: the full list every time, without Last-Page (vendors 1.2)."""

        def handle(request: Request) -> Response:
            return Response(json_array(record.raw for record in self._in_workspace(name, request)))

        return handle

    def users(self, request: Request) -> Response:
        workspace = request.parameters["workspace"]
        status = request.one("status")
        accounts = set(request.many("account-statuses")) or VISIBLE_ACCOUNTS
        shown = request.one("memberships", "NONE")
        found = []
        for record in self.data.records("users", request.owner):
            membership, account = _statuses(record, workspace)
            if membership != (status or "ACTIVE") and status != "ALL":
                continue
            if account not in accounts:
                continue
            if request.one("email") and request.one("email").lower() not in str(record.value.get("email")).lower():
                continue
            found.append(_with_memberships(record, shown))
        return _paged(request, _by_name(found))

    def time_entries(self, request: Request) -> Response:
        workspace, user = request.parameters["workspace"], request.parameters["user"]
        if self.data.find("users", user, request.owner) is None:
            return _missing("User")
        entries = self.data.derived("entries", lambda: _index_entries(self.data)).get((workspace, user))
        if entries is None:
            return _paged(request, [])
        zone = self._window_zone(workspace)
        start, end = request.one("start"), request.one("end")
        low = bisect_left(entries.starts, _shifted(_moment(start), zone)) if start else 0
        high = bisect_right(entries.starts, _shifted(_moment(end), zone)) if end else len(entries.starts)
        # `low` and `high` count from the oldest, the records are newest first.
        count = len(entries.records)
        if entries.unmarked and request.query.keys() <= {"start", "end", "page", "page-size"}:
            return _paged(request, entries.records, first=count - high, last=count - low)
        now = self.data.now()
        window = entries.records[count - high : count - low]
        selected = _filtered(request, [record for record in window if record.is_visible(now, request.owner)])
        if request.one("hydrated") == "true":
            selected = [self._hydrated(record) for record in selected]
        return _paged(request, selected)

    def _window_zone(self, workspace: str) -> ZoneInfo:
        record = self.data.collections["workspaces"].by_key[workspace]
        return ZoneInfo(str(record.marks.get("window_zone", "UTC")))

    def in_progress(self, request: Request) -> Response:
        workspace, now = request.parameters["workspace"], self.data.now()
        unfinished = self.data.derived(
            "unfinished",
            lambda: [record for record in self.data.collections["time_entries"].records if _is_running(record)],
        )
        running = [
            record
            for record in unfinished
            if record.is_visible(now, request.owner) and record.value.get("workspaceId", workspace) == workspace
        ]
        return _paged(request, sorted(running, key=_entry_start, reverse=True), default=10, maximum=1000)

    def time_entry(self, request: Request) -> Response:
        record = self.data.find("time_entries", request.parameters["id"], request.owner)
        if record is None:
            return _missing("Time entry")
        return Response((self._hydrated(record) if request.one("hydrated") == "true" else record).raw)

    def _hydrated(self, record: Record) -> Record:
        def expand(name: str, key: Any) -> Any:
            found = self.data.find(name, str(key)) if key else None
            return found.value if found is not None else None

        value = dict(record.value)
        value["project"] = expand("projects", value.get("projectId"))
        value["task"] = expand("tasks", value.get("taskId"))
        value["tags"] = [tag for tag in (expand("tags", key) for key in value.get("tagIds") or []) if tag]
        return replace(record, value=value, raw=orjson.dumps(value))

    def feed(self, direction: str) -> Callable[[Request], Response]:
        """Build the handler of one change feed (vendors 1.5)."""

        def handle(request: Request) -> Response:
            kinds = request.many("type")
            unknown = [kind for kind in kinds if kind not in FEED_TYPES]
            if not kinds or unknown:
                raise _ParameterError(f"type must be one of {', '.join(FEED_TYPES)}")
            start, end = _feed_window(request, self.data.now())
            page, limit = max(_number(request, "page", 0), 1), min(max(_number(request, "limit", 50), 1), 5000)
            rows = self._feed_rows(direction, kinds, request, start, end)
            chosen = rows[(page - 1) * limit : page * limit]
            if direction != "deleted":
                return Response([life.row() for life in chosen])
            answer = [life.deleted_row() for life in chosen]
            workspace = self.data.collections["workspaces"].by_key[request.parameters["workspace"]]
            return Response({"response": answer} if workspace.marks.get("deleted_feed") == "envelope" else answer)

        return handle

    def _feed_rows(
        self, direction: str, kinds: Sequence[str], request: Request, start: datetime, end: datetime
    ) -> list[_Life]:
        now = self.data.now()
        horizon = now - FEED_LAG
        workspace = request.parameters["workspace"]
        found: list[tuple[datetime, str, _Life]] = []
        for kind in dict.fromkeys(kinds):
            told = self.data.derived(f"{direction} {kind}", partial(_told, self.data, kind, direction))
            first = bisect_left(told, start, key=lambda row: row[0])
            for at, life in told[first : bisect_right(told, min(end, horizon), key=lambda row: row[0])]:
                record = life.record
                if record.value.get("workspaceId", workspace) != workspace or record.owner not in (None, request.owner):
                    continue
                # What was created and deleted within the window is not reported; created and changed, only as created.
                if direction != "created" and life.created >= start:
                    continue
                if direction != "deleted" and (not record.is_visible(now) or life.deleted is not None):
                    continue
                found.append((at, record.key, life))
        found.sort(key=lambda row: row[:2])
        return [row[2] for row in found]


def _feed_window(request: Request, now: datetime) -> tuple[datetime, datetime]:
    start, end = request.one("start"), request.one("end")
    if start and not end:
        return _moment(start), _moment(start) + FEED_DEFAULT_RANGE
    last = _moment(end) if end else now
    return (_moment(start) if start else last - FEED_DEFAULT_RANGE), last


def _shifted(moment: datetime, zone: ZoneInfo) -> float:
    """Read the UTC time of a window's edge as local time in the account's zone (vendors 1.4)."""
    return moment.astimezone(UTC).replace(tzinfo=zone).timestamp()


def _name(record: Record) -> str:
    return str(record.value.get("name") or "").lower()


def _is_running(record: Record) -> bool:
    interval = record.value.get("timeInterval")
    return isinstance(interval, dict) and interval.get("end") is None


def _filtered(request: Request, records: list[Record]) -> list[Record]:
    if request.one("in-progress") == "true":
        records = [record for record in records if _is_running(record)]
    if project := request.one("project"):
        records = [record for record in records if record.value.get("projectId") == project]
    if task := request.one("task"):
        records = [record for record in records if record.value.get("taskId") == task]
    if text := request.one("description").lower():
        records = [record for record in records if text in str(record.value.get("description") or "").lower()]
    if tags := set(request.many("tags")):
        records = [record for record in records if tags & set(record.value.get("tagIds") or [])]
    return records


def _statuses(record: Record, workspace: str) -> tuple[str, str]:
    """Return a user's membership status in the workspace and account status.

    A hand-written user may simply have `"status": "INACTIVE"`: that is not an account status and means the membership.
    """
    account = str(record.value.get("status") or "ACTIVE")
    membership = "ACTIVE"
    if account == "INACTIVE":
        membership, account = "INACTIVE", "ACTIVE"
    for row in record.value.get("memberships") or []:
        if row.get("membershipType") == "WORKSPACE" and row.get("targetId", workspace) == workspace:
            membership = str(row.get("membershipStatus") or membership)
    return membership, account


def _with_memberships(record: Record, shown: str) -> Record:
    memberships = record.value.get("memberships")
    if not memberships or shown == "ALL":
        return record
    kept = [row for row in memberships if row.get("membershipType") == shown]
    value = {**record.value, "memberships": kept}
    return replace(record, value=value, raw=orjson.dumps(value))


def routes(data: VendorData) -> list[Route]:
    """Return the paths of the core host that a reader needs."""
    api = _Clockify(data)
    root = "/api/v1/workspaces/{workspace}"
    handlers: dict[str, Callable[[Request], Response]] = {
        "/api/v1/user": api.user,
        "/api/v1/workspaces": api.workspaces,
        root: api.workspace,
        f"{root}/clients": api.named_list("clients"),
        f"{root}/clients/{{id}}": api.one_of("clients", "Client"),
        f"{root}/projects": api.named_list("projects"),
        f"{root}/projects/{{id}}": api.one_of("projects", "Project"),
        f"{root}/projects/{{id}}/tasks": api.tasks,
        f"{root}/projects/{{id}}/custom-fields": api.unpaged("custom_fields"),
        f"{root}/tags": api.named_list("tags"),
        f"{root}/tags/{{id}}": api.one_of("tags", "Tag"),
        f"{root}/users": api.users,
        f"{root}/member-profile/{{id}}": api.one_of("users", "User"),
        f"{root}/user/{{user}}/time-entries": api.time_entries,
        f"{root}/time-entries/status/in-progress": api.in_progress,
        f"{root}/time-entries/{{id}}": api.time_entry,
        f"{root}/custom-fields": api.unpaged("custom_fields"),
        f"{root}/holidays": api.unpaged("holidays"),
        f"{root}/entities/created": api.feed("created"),
        f"{root}/entities/updated": api.feed("updated"),
        f"{root}/entities/deleted": api.feed("deleted"),
    }
    return [Route("GET", pattern, api.guarded(handler)) for pattern, handler in handlers.items()]


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """Derive the agency's workspace: time of the people who log in Clockify, with members, clients and projects.

    It has the oddities of vendors 1.8 that a single state can show: an inactive member, a member who never registered
    (no name, no settings), an archived project, a running timer, an entry dated in the future, one logged 45 days
    late, entries without project or tags, breaks and days off, approved (locked) older entries.
    """
    workspace = object_id(datetime(2023, 11, 6, 15, tzinfo=UTC), "workspace")
    tags = {
        name: object_id(datetime(2024, 1, 9, 12, number, tzinfo=UTC), f"tag {name}")
        for number, name in enumerate(("remote", "onsite", "review", "old process"))
    }
    return {
        "workspaces": [_workspace_row(workspace)],
        "users": _user_rows(agency, workspace),
        "clients": [
            {
                "id": client.clockify_id,
                "name": client.name,
                "workspaceId": workspace,
                "archived": False,
                "email": f"accounts@{client.key}.example",
                "ccEmails": [],
                "address": client.city or None,
                "note": None,
                "currencyCode": client.currency,
                "currencyId": object_id(datetime(2023, 11, 6, 15, tzinfo=UTC), client.currency),
            }
            for client in agency.clients
        ],
        "projects": [_project_row(agency, project, workspace) for project in agency.projects],
        "tags": [
            {"id": key, "name": name, "workspaceId": workspace, "archived": name == "old process"}
            for name, key in tags.items()
        ],
        "time_entries": _entry_rows(agency, workspace, list(tags.values())),
    }


def _workspace_row(workspace: str) -> dict[str, Any]:
    dollars = {"id": object_id(datetime(2023, 11, 6, 15, tzinfo=UTC), "USD"), "code": "USD", "isDefault": True}
    euros = {"id": object_id(datetime(2023, 11, 6, 15, tzinfo=UTC), "EUR"), "code": "EUR", "isDefault": False}
    return {
        "id": workspace,
        "name": "Lantern Works",
        "hourlyRate": {"amount": 11_000, "currency": "USD"},
        "costRate": {"amount": 0, "currency": "USD"},
        "currencies": [dollars, euros],
        "memberships": [],
        "workspaceSettings": {"timeTrackingMode": "DEFAULT", "workingDays": ["MONDAY", "TUESDAY", "WEDNESDAY"]},
        "imageUrl": "",
        "featureSubscriptionType": "PRO",
        MARKS_KEY: {"window_zone": AGENCY_TIMEZONE},
    }


def _user_rows(agency: Agency, workspace: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "id": developer.clockify_id,
            "email": developer.email,
            "name": developer.name,
            "memberships": [
                {
                    "userId": developer.clockify_id,
                    "targetId": workspace,
                    "membershipType": "WORKSPACE",
                    "membershipStatus": "ACTIVE" if developer.left_on is None else "INACTIVE",
                    "hourlyRate": None,
                    "costRate": None,
                }
            ],
            "profilePicture": "",
            "activeWorkspace": workspace,
            "defaultWorkspace": workspace,
            "settings": {
                "weekStart": "MONDAY",
                "timeZone": developer.timezone,
                "timeFormat": "HOUR24",
                "dateFormat": "YYYY-MM-DD",
                "lang": "EN",
            },
            "status": "ACTIVE",
            "customFields": [],
        }
        for developer in agency.developers
    ]
    guest = object_id(datetime(2024, 2, 20, 11, tzinfo=UTC), "guest")
    rows.append(
        {**rows[0], "id": guest, "email": f"guest@{MAIL_DOMAIN}", "name": None, "memberships": [], "settings": None,
         "status": "NOT_REGISTERED"}
    )  # fmt: skip
    return rows


def _project_row(agency: Agency, project: Project, workspace: str) -> dict[str, Any]:
    client = agency.client(project.client) if project.client else None
    rate = {"amount": project.rate_cents, "currency": client.currency} if client and project.rate_cents else None
    return {
        "id": project.clockify_id,
        "name": project.name,
        "workspaceId": workspace,
        "clientId": client.clockify_id if client else "",
        "clientName": client.name if client else "",
        "color": "#03A9F4",
        "archived": project.archived,
        "billable": project.classification == "billable",
        "public": True,
        "template": False,
        "note": "",
        "duration": "PT0S",
        "hourlyRate": rate,
        "costRate": None,
        "memberships": [],
        "estimate": {"estimate": "PT0S", "type": "AUTO"},
        "timeEstimate": {"estimate": "PT0S", "type": "AUTO", "active": False, "includeNonBillable": True},
        "budgetEstimate": None,
    }


def iso_duration(seconds: int) -> str:
    """Write a duration as the core host does: `PT1H15M30S`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{count}{letter}" for count, letter in ((hours, "H"), (minutes, "M"), (rest, "S")) if count]
    return "PT" + ("".join(parts) or "0S")


def _entry_rows(agency: Agency, workspace: str, tags: list[str]) -> Iterable[dict[str, Any]]:
    chance = agency.random("clockify")
    locked_before = agency.end - timedelta(days=62)

    def row(
        developer: Developer,
        start: datetime,
        seconds: int | None,
        text: str,
        project: Project | None,
        kind: str = "REGULAR",
    ) -> dict[str, Any]:
        end = None if seconds is None else format_time(start + timedelta(seconds=seconds))
        return {
            "id": object_id(start + timedelta(seconds=seconds or 0), f"entry {developer.key} {start} {kind}"),
            "description": text,
            "tagIds": None if chance.random() < 0.05 else chance.sample(tags[:3], chance.choice((0, 1, 1, 2))),
            "userId": developer.clockify_id,
            "billable": kind == "REGULAR" and project is not None and project.classification == "billable",
            "taskId": None,
            "projectId": project.clockify_id if project is not None else None,
            "workspaceId": workspace,
            "timeInterval": {
                "start": format_time(start),
                "end": end,
                "duration": None if seconds is None else iso_duration(seconds),
            },
            "customFieldValues": [],
            "type": kind,
            "kioskId": None,
            "hourlyRate": None,
            "costRate": None,
            "isLocked": start < locked_before,
        }

    for block in agency.blocks:
        if block.route != "clockify":
            continue
        text = f"{block.ticket.key} {block.ticket.summary}" if chance.random() < 0.9 else ""
        start = (block.start + timedelta(seconds=chance.randint(0, 240))).replace(microsecond=0)
        seconds = max(60, block.seconds - chance.randint(0, 300))
        entry = row(block.developer, start, seconds, text, None if chance.random() < 0.03 else block.project)
        if chance.random() < 0.004 and block.end < agency.end - timedelta(days=46):
            # Logged 45 days late: the entry's own dates do not show that, the feed does.
            entry[MARKS_KEY] = {"created_at": format_time(block.end + timedelta(days=45))}
        yield entry
    loggers = [developer for developer in agency.developers if developer.route == "clockify"]
    for developer in loggers:
        for week in range(4):
            noon = datetime.combine(agency.as_of - timedelta(days=3 + 7 * week), time(12), developer.zone).astimezone(
                UTC
            )
            if noon >= agency.end - timedelta(hours=1) or not developer.works_on(noon.date()):
                continue
            yield row(developer, noon, 1800, "Lunch", None, "BREAK")
            if week == 3:
                morning = noon - timedelta(hours=3, days=7)
                yield row(developer, morning, 8 * 3600, "Leave", None, "TIME_OFF")
    if loggers:
        last = max(block.end for block in agency.blocks)
        running = max(last, agency.end - timedelta(minutes=40)) + timedelta(minutes=1)
        yield row(loggers[0], running.replace(microsecond=0), None, "Still at it", agency.projects[0])
        yield row(loggers[-1], agency.end + timedelta(days=6, hours=9), 8 * 3600, "Planned leave", None, "TIME_OFF")
