"""Jira Cloud's REST API v3 (and v2, and Data Center's) as described in vendors, chapter 2, and the agency in it.

Paths are those of the vendor below `/jira`: `/jira/rest/api/3/search/jql`. Basic credentials
(`sandbox@example.com:sandbox-jira-token`) get Jira Cloud; a bearer token (`sandbox-jira-token`) gets Data Center: only
`/rest/api/2`, `search` with `startAt`, people by `key`, plain texts. Any `owner` named in a line is a token too.

A hand-written dataset may use these `_sandbox` keys, besides the general ones:

- an issue's line: `indexed_from` (until then the search does not find it, while it can be fetched by id);
  `page_break`, `empty_page`, `repeated_token` (true: a page of the token search ends before this issue; before it an
  empty page with a token comes; the token before it is handed out twice).
- a changelog's line: `created_as` (`seconds` or `milliseconds`: how the bulk route writes `created`, since the vendor's
  own texts contradict each other; default: as in the line).
- a project's line: `browse` (false: the account may see the project but not its issues).

An issue counts as updated at its own `updated`, or when its line was last changed in the file, whichever is later; it
is served unchanged.
"""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.agency import AGENCY_TIMEZONE, Agency, Developer, Project, Ticket
from sandbox.dataset import Record, VendorData, format_time
from sandbox.vendors import Request, Response, Route, json_array
from sandbox.vendors.jql import Account, JqlError, Query, moment, order_key, parse

EMAIL = "sandbox@example.com"
TOKEN = "sandbox-jira-token"

COLLECTIONS = {"issues": "id", "changelogs": "id", "fields": "id", "projects": "id", "users": "accountId"}

MAXIMUM_PAGE = 100
"""Issues of a page once fields beyond id and key are asked for; the vendor shrinks pages as it likes."""
MAXIMUM_KEY_PAGE = 5000
MAXIMUM_OFFSET_PAGE = 1000
TOKEN_LIFE = timedelta(days=7)
EXPANDED_HISTORIES = 100

_KEY_FIELDS = {"id", "key"}
_SEARCHES_KEPT = 8


class _BadRequestError(Exception):
    """Something that Jira refuses with 400."""


def authenticate(request: Request, data: VendorData) -> Response | None:
    """Require Basic (Cloud) or Bearer (Data Center) credentials, except for server information."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    token = credential
    if scheme.lower() == "basic":
        try:
            _, _, token = base64.b64decode(credential).decode().partition(":")
        except ValueError:
            token = ""
    if token == TOKEN or token in data.owners():
        request.owner = token
        return None
    if request.path.endswith("/serverInfo"):
        return None
    headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"} if credential else {}
    return Response(
        {"message": "Client must be authenticated to access this resource.", "status-code": 401}, 401, headers
    )


def not_found(request: Request) -> Response:
    """Answer an unknown path."""
    return Response({"message": f"null for uri: {request.base_url}{request.path}", "status-code": 404}, 404)


def _error(status: int, *messages: str) -> Response:
    return Response({"errorMessages": list(messages), "errors": {}}, status)


def _is_data_center(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("bearer")


def _is_plain(request: Request) -> bool:
    """Whether long texts are plain: version 2 and Data Center."""
    return not request.path.startswith("/rest/api/3/")


def _number(value: Any, name: str, default: int) -> int:
    if value in (None, ""):
        return default
    if not re.fullmatch(r"-?\d{1,9}", str(value)):
        raise _BadRequestError(f"{name} must be a number.")
    return int(value)


def _texts(value: Any) -> list[str]:
    """A list of texts, or one text with commas."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [part.strip() for item in items for part in str(item).split(",") if part.strip()]


@dataclass
class _Found:
    """What a query finds, including hidden issues, in its order."""

    keys: list[list[Any]]
    records: list[Record]


@dataclass(frozen=True)
class _Token:
    """Where the next page begins: after a key. The token is bound to its query and expires."""

    after: list[Any] | None
    query: str
    issued: float
    emptied: bool = False
    """An empty page was just served here."""

    def encode(self) -> str:
        content = [self.after, self.query, self.issued, self.emptied]
        return base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> _Token:
        try:
            padded = text + "=" * (-len(text) % 4)
            after, query, issued, emptied = orjson.loads(base64.urlsafe_b64decode(padded))
        except ValueError:
            raise _BadRequestError("The provided next page token is invalid or expired.") from None
        return cls(after, query, issued, emptied)


class _Jira:
    """The handlers."""

    def __init__(self, data: VendorData) -> None:
        self.data = data
        self._searches: OrderedDict[tuple[int, str, str], _Found] = OrderedDict()
        self._repeated: set[bytes] = set()

    def guarded(self, handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            if _is_data_center(request) and not _is_plain(request):
                return not_found(request)
            try:
                return handler(request)
            except (_BadRequestError, JqlError) as problem:
                return _error(400, str(problem))

        return handle

    # What the account may see

    def _account(self, request: Request) -> dict[str, Any]:
        users = self.data.records("users", request.owner)
        own = [user for user in users if user.owner == request.owner]
        mine = [user for user in users if user.value.get("emailAddress") == EMAIL]
        chosen = own or mine or users
        if chosen:
            return chosen[0].value
        return {"accountId": "sandbox", "accountType": "atlassian", "active": True, "displayName": "Sandbox"}

    def _searcher(self, request: Request) -> Account:
        account = self._account(request)
        zone = ZoneInfo(str(account.get("timeZone") or "UTC"))
        return Account(str(account.get("accountId")), zone, self.data.now())

    def _is_browsable(self, issue: Record, owner: str | None, *, search: bool) -> bool:
        """Whether the account sees the issue; unlike a fetch by id, the search leaves out archived projects."""
        project = _project_id(issue.value)
        record = self.data.collections["projects"].by_key.get(project)
        if record is None:
            return True
        hidden = not record.is_visible(self.data.now(), owner) or record.marks.get("browse") is False
        gone = record.value.get("deleted") or (search and record.value.get("archived"))
        return not hidden and not gone

    def _is_found(self, issue: Record, owner: str | None, reconciled: set[str]) -> bool:
        now = self.data.now()
        if not issue.is_visible(now, owner) or not self._is_browsable(issue, owner, search=True):
            return False
        indexed = issue.mark_time("indexed_from")
        return indexed is None or now >= indexed or issue.key in reconciled

    def _fetch(self, text: str, owner: str | None) -> Record | None:
        """An issue by id, key or a key that it had before it was moved."""
        keys = self.data.derived("keys", self._keys)
        identifier = text if text in self.data.collections["issues"].by_key else keys.get(text.upper(), "")
        record = self.data.find("issues", identifier, owner)
        return record if record is not None and self._is_browsable(record, owner, search=False) else None

    def _keys(self) -> dict[str, str]:
        keys: dict[str, str] = {}
        for change in self.data.collections["changelogs"].records:
            for item in change.value.get("items") or []:
                if isinstance(item, dict) and item.get("field") == "Key":
                    keys[str(item.get("fromString")).upper()] = str(change.value.get("issueId"))
        keys.update(
            {str(record.value.get("key")).upper(): record.key for record in self.data.collections["issues"].records}
        )
        return keys

    # Searching

    def _updated(self, issue: Mapping[str, Any]) -> datetime | None:
        changed: dict[str, datetime] = self.data.derived(
            "changed",
            lambda: {change.key: change.at for change in self.data.changes("issues") if change.kind != "deleted"},
        )
        fields = issue.get("fields")
        stated = moment(fields.get("updated")) if isinstance(fields, Mapping) else None
        noticed = changed.get(str(issue.get("id")))
        return max((at for at in (stated, noticed) if at is not None), default=None)

    def _query(self, request: Request, jql: str) -> Query:
        query = parse(jql, self._searcher(request), self._updated)
        projects = self.data.records("projects", request.owner)
        known = {str(project.value.get(name)).lower() for project in projects for name in ("id", "key", "name")}
        for name in query.projects:
            if projects and name not in known:
                raise JqlError(f"The value '{name}' does not exist for the field 'project'.")
        return query

    def _find(self, request: Request, jql: str) -> _Found:
        query = self._query(request, jql)
        zone = self._searcher(request).zone.key
        place = (self.data.version, jql, zone)
        known = self._searches.get(place)
        if known is not None and not query.depends_on_clock:
            return known
        rows = sorted(
            (
                (order_key(record.value, query.order, self._updated), record)
                for record in self.data.collections["issues"].records
                if query.condition(record.value)
            ),
            key=lambda row: row[0],
        )
        found = _Found([row[0] for row in rows], [row[1] for row in rows])
        self._searches[place] = found
        if len(self._searches) > _SEARCHES_KEPT:
            self._searches.popitem(last=False)
        return found

    def search_by_token(self, request: Request) -> Response:
        """Answer `/search/jql`: no total, no offset, fields on request, a token that names the last key shown."""
        if _is_data_center(request):
            return not_found(request)
        wanted = self._wanted(request)
        jql = str(wanted.get("jql") or "")
        fields = _texts(wanted.get("fields")) or ["id"]
        limit = _number(wanted.get("maxResults"), "maxResults", 50)
        if limit < 1:
            raise _BadRequestError("maxResults must be at least 1.")
        limit = min(limit, MAXIMUM_KEY_PAGE if set(fields) <= _KEY_FIELDS else MAXIMUM_PAGE)
        found = self._find(request, jql)
        mark = hashlib.sha256(jql.encode()).hexdigest()[:12]
        token = self._token(wanted.get("nextPageToken"), mark)
        start = bisect_right(found.keys, token.after) if token.after is not None else 0
        reconciled = {str(number) for number in _texts(wanted.get("reconcileIssues"))}
        page, next_token = self._page(request, found, start, limit, token, reconciled)
        plain = _is_plain(request)
        expand = set(_texts(wanted.get("expand")))
        answer: dict[str, Any] = {
            "issues": [self._issue(record, fields, expand, request, plain=plain) for record in page],
            "isLast": next_token is None,
        }
        if next_token is not None:
            answer["nextPageToken"] = next_token
        if "names" in expand:
            answer["names"] = {
                field.key: field.value.get("name") for field in self.data.records("fields", request.owner)
            }
        return Response(answer)

    def _token(self, text: Any, mark: str) -> _Token:
        now = self.data.now().timestamp()
        if not text:
            return _Token(None, mark, now)
        token = _Token.decode(str(text))
        if token.query != mark or now - token.issued > TOKEN_LIFE.total_seconds():
            raise _BadRequestError("The provided next page token is invalid or expired.")
        return token

    def _page(
        self, request: Request, found: _Found, start: int, limit: int, token: _Token, reconciled: set[str]
    ) -> tuple[list[Record], str | None]:
        """The page after a token, and the next token; pages are cut short where the dataset says so."""
        page: list[Record] = []
        after = token.after
        for position in range(start, len(found.records)):
            record = found.records[position]
            if not self._is_found(record, request.owner, reconciled):
                continue
            following = _Token(after, token.query, token.issued)
            if len(page) == limit or (page and record.marks.get("page_break")):
                return page, following.encode()
            if record.marks.get("empty_page") and not (token.emptied and not page):
                return page, _Token(after, token.query, token.issued, emptied=not page).encode()
            if record.marks.get("repeated_token") and not page and token.after is not None:
                place = orjson.dumps([token.query, token.after])
                if place not in self._repeated:
                    self._repeated.add(place)
                    return page, token.encode()
            if record.marks.get("repeated_token") and page:
                return page, following.encode()
            page.append(record)
            after = found.keys[position]
        return page, None

    def search_by_offset(self, request: Request) -> Response:
        """Answer the old `/search`: gone from Cloud, the only one in Data Center."""
        if not _is_data_center(request):
            return _error(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")
        wanted = self._wanted(request)
        start = max(_number(wanted.get("startAt"), "startAt", 0), 0)
        limit = min(max(_number(wanted.get("maxResults"), "maxResults", 50), 0), MAXIMUM_OFFSET_PAGE)
        jql = str(wanted.get("jql") or "created is not EMPTY order by created desc")
        found = self._find(request, jql)
        visible = [record for record in found.records if self._is_found(record, request.owner, set())]
        fields, expand = _texts(wanted.get("fields")) or ["*navigable"], set(_texts(wanted.get("expand")))
        page = visible[start : start + limit]
        return Response(
            {
                "expand": "schema,names",
                "startAt": start,
                "maxResults": limit,
                "total": len(visible),
                "issues": [self._issue(record, fields, expand, request, plain=True) for record in page],
            }
        )

    def _wanted(self, request: Request) -> dict[str, Any]:
        """The search's parameters, from the body or the query."""
        if request.method == "POST":
            body = request.json()
            if not isinstance(body, dict):
                raise _BadRequestError("Invalid request payload. Refer to the REST API documentation and try again.")
            return body
        lists = {name: request.many(name) for name in ("fields", "expand", "reconcileIssues") if name in request.query}
        singles = {name: request.one(name) for name in ("jql", "nextPageToken", "maxResults", "startAt")}
        return {**singles, **lists}

    def count(self, request: Request) -> Response:
        found = self._find(request, str(self._wanted(request).get("jql") or ""))
        return Response({"count": sum(self._is_found(record, request.owner, set()) for record in found.records)})

    # Issues

    def _issue(
        self, record: Record, fields: Sequence[str], expand: set[str], request: Request, *, plain: bool
    ) -> dict[str, Any]:
        value = record.value
        if set(fields) == {"id"}:
            return {"id": record.key}
        shown: dict[str, Any] = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": record.key,
            "self": value.get("self") or f"{request.base_url}/rest/api/{'2' if plain else '3'}/issue/{record.key}",
            "key": value.get("key"),
        }
        if not set(fields) <= _KEY_FIELDS:
            shown["fields"] = _selected(value.get("fields"), fields, plain=plain, by_key=_is_data_center(request))
        # Other keys of a hand-written line are served unchanged.
        shown.update({name: item for name, item in value.items() if name not in shown and name != "fields"})
        if "changelog" in expand:
            # Cloud shows only the latest part, newest first; Data Center all, oldest first (vendors 2.3 and 2.7).
            histories = [_history(change, by_key=_is_data_center(request)) for change in self._histories(record.key)]
            total = len(histories)
            if not _is_data_center(request):
                histories = histories[::-1][:EXPANDED_HISTORIES]
            shown["changelog"] = {"startAt": 0, "maxResults": len(histories), "total": total, "histories": histories}
        return shown

    def _histories(self, issue: str) -> list[Record]:
        index: dict[str, list[Record]] = self.data.derived("histories", self._index_histories)
        now = self.data.now()
        return [change for change in index.get(issue, []) if change.is_visible(now)]

    def _index_histories(self) -> dict[str, list[Record]]:
        index: dict[str, list[Record]] = {}
        for change in self.data.collections["changelogs"].records:
            index.setdefault(str(change.value.get("issueId")), []).append(change)
        for changes in index.values():
            changes.sort(key=_history_order)
        return index

    def issue(self, request: Request) -> Response:
        record = self._fetch(request.parameters["issue"], request.owner)
        if record is None:
            return _error(404, "Issue does not exist or you do not have permission to see it.")
        fields = request.many("fields") or ["*all"]
        return Response(self._issue(record, fields, set(request.many("expand")), request, plain=_is_plain(request)))

    def issues_in_bulk(self, request: Request) -> Response:
        body = self._wanted(request)
        wanted = body.get("issueIdsOrKeys")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 100:
            raise _BadRequestError("issueIdsOrKeys must name between 1 and 100 issues.")
        found: dict[str, Record] = {}
        errors = []
        for text in map(str, wanted):
            record = self._fetch(text, request.owner)
            if record is None:
                message = "Issue does not exist or you do not have permission to see it."
                errors.append({"id": text, "errorMessage": message})
            else:
                found[record.key] = record
        fields, expand = _texts(body.get("fields")) or ["*navigable"], set(_texts(body.get("expand")))
        order = sorted(found, key=lambda key: (len(key), key))
        shown = [self._issue(found[key], fields, expand, request, plain=_is_plain(request)) for key in order]
        return Response({"issues": shown, "issueErrors": errors})

    def changelog(self, request: Request) -> Response:
        record = self._fetch(request.parameters["issue"], request.owner)
        if record is None:
            return _error(404, "Issue does not exist or you do not have permission to see it.")
        histories = [_history(change, by_key=_is_data_center(request)) for change in self._histories(record.key)]
        return _offset_page(request, histories, default=100, maximum=100)

    def changelogs_in_bulk(self, request: Request) -> Response:
        """Histories by date, then issue: those of one issue may be on two pages (vendors 2.3)."""
        if _is_data_center(request):
            return not_found(request)
        body = self._wanted(request)
        wanted = body.get("issueIdsOrKeys")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 1000:
            raise _BadRequestError("issueIdsOrKeys must name between 1 and 1000 issues.")
        fields = set(_texts(body.get("fieldIds")))
        if len(fields) > 10:
            raise _BadRequestError("At most 10 fieldIds may be given.")
        limit = min(max(_number(body.get("maxResults"), "maxResults", 1000), 1), 10_000)
        issues = {record.key for text in map(str, wanted) if (record := self._fetch(text, request.owner)) is not None}
        changes = [
            change
            for issue in issues
            for change in self._histories(issue)
            if not fields or any(item.get("fieldId") in fields for item in change.value.get("items") or [])
        ]
        changes.sort(key=_history_order)
        mark = hashlib.sha256(orjson.dumps([sorted(issues), sorted(fields)])).hexdigest()[:12]
        token = self._token(body.get("nextPageToken"), mark)
        start = int(token.after[0]) if token.after else 0
        grouped: dict[str, list[dict[str, Any]]] = {}
        for change in changes[start : start + limit]:
            history = _history(change, by_key=False)
            if style := change.marks.get("created_as"):
                at = _history_order(change)[0]
                history["created"] = round(at * 1000) if style == "milliseconds" else round(at)
            grouped.setdefault(str(change.value.get("issueId")), []).append(history)
        answer: dict[str, Any] = {
            "issueChangeLogs": [{"issueId": issue, "changeHistories": rows} for issue, rows in grouped.items()]
        }
        if start + limit < len(changes):
            answer["nextPageToken"] = _Token([start + limit], mark, token.issued).encode()
        return Response(answer)

    # Everything else

    def fields(self, request: Request) -> Response:
        return Response(json_array(record.raw for record in self.data.records("fields", request.owner)))

    def projects(self, request: Request) -> Response:
        shown = [record for record in self.data.records("projects", request.owner) if not record.value.get("deleted")]
        if request.one("includeArchived") != "true":
            shown = [record for record in shown if not record.value.get("archived")]
        return Response(
            [_person_by_key(record.value) if _is_data_center(request) else record.value for record in shown]
        )

    def project_search(self, request: Request) -> Response:
        if _is_data_center(request):
            return not_found(request)
        wanted = set(request.many("status")) or {"live"}
        keys = set(request.many("keys"))
        shown = []
        for record in self.data.records("projects", request.owner):
            state = "deleted" if record.value.get("deleted") else "archived" if record.value.get("archived") else "live"
            unbrowsable = request.one("action") == "browse" and record.marks.get("browse") is False
            if state in wanted and not unbrowsable and (not keys or record.value.get("key") in keys):
                shown.append(record.value)
        return _offset_page(request, shown, default=50, maximum=100)

    def project(self, request: Request) -> Response:
        for record in self.data.records("projects", request.owner):
            if request.parameters["project"] in (record.key, record.value.get("key")):
                return Response(record.value)
        return _error(404, f"No project could be found with key '{request.parameters['project']}'.")

    def users(self, request: Request) -> Response:
        """A window of all users without the hidden ones: a short page need not be the last."""
        start = max(_number(request.one("startAt"), "startAt", 0), 0)
        limit = min(max(_number(request.one("maxResults"), "maxResults", 50), 1), 1000)
        now = self.data.now()
        records = self.data.collections["users"].records
        shown = [record.value for record in records[start : start + limit] if record.is_visible(now, request.owner)]
        if not records and start == 0:
            # An account sees at least itself, even in a dataset without users.
            shown = [self._account(request)]
        return Response([_user_by_key(value) for value in shown] if _is_data_center(request) else shown)

    def user(self, request: Request) -> Response:
        record = self.data.find("users", request.one("accountId") or request.one("key"), request.owner)
        if record is None:
            return _error(404, "Specified user does not exist or you do not have required permissions")
        return Response(_user_by_key(record.value) if _is_data_center(request) else record.value)

    def myself(self, request: Request) -> Response:
        account = self._account(request)
        return Response(_user_by_key(account) if _is_data_center(request) else account)

    def server_info(self, request: Request) -> Response:
        data_center = _is_data_center(request)
        return Response(
            {
                "baseUrl": request.base_url,
                "version": "9.12.0" if data_center else "1001.0.0-SNAPSHOT",
                "versionNumbers": [9, 12, 0] if data_center else [1001, 0, 0],
                "deploymentType": "Server" if data_center else "Cloud",
                "buildNumber": 100_000,
                "serverTime": _jira_time(self.data.now(), ZoneInfo("UTC")),
                "serverTitle": "Jira",
            }
        )


def _project_id(issue: Mapping[str, Any]) -> str:
    fields = issue.get("fields")
    project = fields.get("project") if isinstance(fields, Mapping) else None
    return str(project.get("id") or "") if isinstance(project, Mapping) else ""


def _history_order(change: Record) -> tuple[float, str, int]:
    created = change.value.get("created")
    if isinstance(created, int | float):
        at = created / 1000 if created > 100_000_000_000 else float(created)
    else:
        parsed = moment(created)
        at = parsed.timestamp() if parsed is not None else 0.0
    return at, str(change.value.get("issueId")), int(change.key) if change.key.isdigit() else 0


def _history(change: Record, *, by_key: bool) -> dict[str, Any]:
    history = {name: value for name, value in change.value.items() if name != "issueId"}
    if by_key and isinstance(history.get("author"), dict):
        history["author"] = _user_by_key(history["author"])
    return history


def _selected(fields: Any, wanted: Sequence[str], *, plain: bool, by_key: bool) -> dict[str, Any]:
    """The requested fields: names, `*all`, `*navigable`, and `-name` to leave one out."""
    if not isinstance(fields, dict):
        return {}
    everything = any(name in ("*all", "*navigable") for name in wanted) or all(name.startswith("-") for name in wanted)
    without = {name[1:] for name in wanted if name.startswith("-")}
    if "*navigable" in wanted:
        without |= {"comment", "worklog", "attachment"}
    names = [name for name in (fields if everything else wanted) if name in fields and name not in without]
    shown = {name: fields[name] for name in names}
    if plain:
        shown = {name: _plain_text(value) if _is_document(value) else value for name, value in shown.items()}
    return {name: _person_by_key(value) for name, value in shown.items()} if by_key else shown


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "doc" and isinstance(value.get("content"), list)


def _plain_text(node: Any) -> str:
    """A document as version 2 shows it: text, a line for each block."""
    if not isinstance(node, dict):
        return ""
    if isinstance(node.get("text"), str):
        return str(node["text"])
    if node.get("type") == "hardBreak":
        return "\n"
    inner = "".join(_plain_text(child) for child in node.get("content") or [])
    return f"{inner}\n" if node.get("type") in ("paragraph", "heading", "listItem", "codeBlock") else inner


def _user_by_key(user: dict[str, Any]) -> dict[str, Any]:
    """A person as Data Center shows one: `key` and `name`, no account id."""
    if "accountId" not in user:
        return user
    account = str(user["accountId"])
    rest = {name: value for name, value in user.items() if name not in ("accountId", "accountType", "self")}
    name = str(user.get("emailAddress") or account).partition("@")[0]
    return {
        "self": f"https://jira.lanternworks.example/rest/api/2/user?username={name}",
        "key": account,
        "name": name,
        **rest,
    }


def _person_by_key(value: Any) -> Any:
    """A value with people's keys instead of their account ids."""
    if isinstance(value, dict):
        return _user_by_key({name: _person_by_key(item) for name, item in value.items()})
    return [_person_by_key(item) for item in value] if isinstance(value, list) else value


def _offset_page(request: Request, items: Sequence[Any], *, default: int, maximum: int) -> Response:
    start = max(_number(request.one("startAt"), "startAt", 0), 0)
    limit = min(max(_number(request.one("maxResults"), "maxResults", default), 1), maximum)
    page = list(items[start : start + limit])
    address = f"{request.base_url}{request.path}"
    answer: dict[str, Any] = {
        "self": f"{address}?startAt={start}&maxResults={limit}",
        "startAt": start,
        "maxResults": limit,
        "total": len(items),
        "isLast": start + limit >= len(items),
        "values": page,
    }
    if not answer["isLast"]:
        answer["nextPage"] = f"{address}?startAt={start + limit}&maxResults={limit}"
    return Response(answer)


def routes(data: VendorData) -> list[Route]:
    """Return the paths that a reader needs, under version 3 and version 2."""
    api = _Jira(data)
    handlers: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
        ("GET", "search/jql", api.search_by_token),
        ("POST", "search/jql", api.search_by_token),
        ("GET", "search", api.search_by_offset),
        ("POST", "search", api.search_by_offset),
        ("POST", "search/approximate-count", api.count),
        ("POST", "changelog/bulkfetch", api.changelogs_in_bulk),
        ("POST", "issue/bulkfetch", api.issues_in_bulk),
        ("GET", "issue/{issue}", api.issue),
        ("GET", "issue/{issue}/changelog", api.changelog),
        ("GET", "field", api.fields),
        ("GET", "project", api.projects),
        ("GET", "project/search", api.project_search),
        ("GET", "project/{project}", api.project),
        ("GET", "users/search", api.users),
        ("GET", "users", api.users),
        ("GET", "user/search", api.users),
        ("GET", "user", api.user),
        ("GET", "myself", api.myself),
        ("GET", "serverInfo", api.server_info),
    )
    return [
        Route(method, f"/rest/api/{version}/{path}", api.guarded(handler))
        for method, path, handler in handlers
        for version in ("3", "2", "latest")
    ]


# The agency

SITE = "https://lantern-works.atlassian.net"
STORY_POINT_ESTIMATE, STORY_POINTS, EPIC_LINK, ACCOUNT = (
    "customfield_10016",
    "customfield_10026",
    "customfield_10014",
    "customfield_10030",
)
"""Team-managed projects use the first, company-managed ones the second: real ids are not fixed either."""

_STATUSES = {
    "To Do": ("10000", 2, "blue-gray"),
    "In Progress": ("3", 4, "yellow"),
    "In Review": ("10001", 4, "yellow"),
    "Done": ("10002", 3, "green"),
}
_CATEGORY_NAMES = {"new": "To Do", "indeterminate": "In Progress", "done": "Done"}
_PRIORITIES = {"Highest": "1", "High": "2", "Medium": "3", "Low": "4", "Lowest": "5"}
_TYPES = {"Task": "10002", "Bug": "10004", "Story": "10001", "Incident": "10050", "Meeting": "10051", "Epic": "10000"}
_APP_ACCOUNT = "557058:0f7c1d2e-automation"


def export(agency: Agency) -> dict[str, Iterable[dict[str, Any]]]:
    """Return the agency's issues, their history, fields, projects and users as Jira shows them."""
    return {
        "issues": (_ticket(ticket) for ticket in agency.tickets),
        "changelogs": (change for ticket in agency.tickets for change in _changes(ticket)),
        "fields": list(_fields()),
        "projects": [_project(agency, project) for project in agency.projects],
        "users": list(_users(agency)),
    }


def _jira_time(at: datetime, zone: ZoneInfo) -> str:
    """A timestamp as Jira writes it: the viewer's offset, without a colon (vendors 2.4)."""
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S.000%z")


def _shown_time(at: datetime) -> str:
    return _jira_time(at, ZoneInfo(AGENCY_TIMEZONE))


def _user(developer: Developer) -> dict[str, Any]:
    user: dict[str, Any] = {
        "self": f"{SITE}/rest/api/3/user?accountId={developer.jira_account_id}",
        "accountId": developer.jira_account_id,
        "accountType": "atlassian",
        "displayName": developer.name,
        "active": developer.left_on is None,
        "timeZone": developer.timezone,
    }
    if developer.number % 3:
        # Every third person hides the address: privacy settings, not an error (vendors 2.4).
        user["emailAddress"] = developer.email
    return user


def _users(agency: Agency) -> Iterator[dict[str, Any]]:
    yield {
        "self": f"{SITE}/rest/api/3/user?accountId=sandbox-reader",
        "accountId": "712020:sandbox-reader",
        "accountType": "atlassian",
        "emailAddress": EMAIL,
        "displayName": "Sandbox Reader",
        "active": True,
        "timeZone": AGENCY_TIMEZONE,
        "locale": "en_US",
    }
    yield {
        "self": f"{SITE}/rest/api/3/user?accountId={_APP_ACCOUNT}",
        "accountId": _APP_ACCOUNT,
        "accountType": "app",
        "displayName": "Automation for Jira",
        "active": True,
    }
    for developer in agency.developers:
        yield _user(developer)


def _project(agency: Agency, project: Project) -> dict[str, Any]:
    value: dict[str, Any] = {
        "self": f"{SITE}/rest/api/3/project/{_project_number(project)}",
        "id": _project_number(project),
        "key": project.key,
        "name": project.name,
        "projectTypeKey": "software",
        "simplified": _is_team_managed(project),
        "style": "next-gen" if _is_team_managed(project) else "classic",
        "isPrivate": False,
        "lead": _user(agency.developers[(project.number - 1) % len(agency.developers)]),
        "properties": {},
    }
    if project.archived:
        value |= {"archived": True, "archivedDate": format_time(agency.end - timedelta(days=3))}
    return value


def _project_number(project: Project) -> str:
    return str(10_000 + project.number)


def _is_team_managed(project: Project) -> bool:
    return project.number % 2 == 0


def _fields() -> Iterator[dict[str, Any]]:
    system = {
        "summary": ("Summary", "string"),
        "description": ("Description", "string"),
        "status": ("Status", "status"),
        "issuetype": ("Issue Type", "issuetype"),
        "project": ("Project", "project"),
        "priority": ("Priority", "priority"),
        "assignee": ("Assignee", "user"),
        "reporter": ("Reporter", "user"),
        "creator": ("Creator", "user"),
        "labels": ("Labels", "array"),
        "created": ("Created", "datetime"),
        "updated": ("Updated", "datetime"),
        "resolution": ("Resolution", "resolution"),
        "resolutiondate": ("Resolved", "datetime"),
        "duedate": ("Due date", "date"),
        "timespent": ("Time Spent", "number"),
        "timeoriginalestimate": ("Original estimate", "number"),
    }
    for key, (name, kind) in system.items():
        schema = {"type": kind, "system": key} | ({"items": "string"} if kind == "array" else {})
        yield {
            "id": key,
            "key": key,
            "name": name,
            "custom": False,
            "orderable": True,
            "navigable": True,
            "searchable": True,
            "clauseNames": [key],
            "schema": schema,
        }
    yield {
        "id": "parent",
        "key": "parent",
        "name": "Parent",
        "custom": False,
        "orderable": False,
        "navigable": True,
        "searchable": False,
        "clauseNames": ["parent"],
    }
    customs = (
        (STORY_POINT_ESTIMATE, "Story point estimate", "number", "com.pyxis.greenhopper.jira:jsw-story-points"),
        (STORY_POINTS, "Story Points", "number", "com.atlassian.jira.plugin.system.customfieldtypes:float"),
        (EPIC_LINK, "Epic Link", "any", "com.pyxis.greenhopper.jira:gh-epic-link"),
        (ACCOUNT, "Account", "option2", "com.tempoplugin.tempo-accounts:accounts.customfield"),
        ("customfield_10033", "Velocity points", "number", "com.atlassian.jira.plugin.system.customfieldtypes:float"),
    )
    for key, name, kind, custom in customs:
        number = int(key.removeprefix("customfield_"))
        yield {
            "id": key,
            "key": key,
            "name": name,
            "custom": True,
            "orderable": True,
            "navigable": True,
            "searchable": True,
            "clauseNames": [f"cf[{number}]", name],
            "schema": {"type": kind, "custom": custom, "customId": number},
        }


def _status(name: str, category: str) -> dict[str, Any]:
    number, category_number, color = _STATUSES[name]
    return {
        "self": f"{SITE}/rest/api/3/status/{number}",
        "description": "",
        "name": name,
        "id": number,
        "statusCategory": {
            "self": f"{SITE}/rest/api/3/statuscategory/{category_number}",
            "id": category_number,
            "key": category,
            "colorName": color,
            "name": _CATEGORY_NAMES[category],
        },
    }


def _ticket(ticket: Ticket) -> dict[str, Any]:
    project, team_managed = ticket.project, _is_team_managed(ticket.project)
    done = [transition.at for transition in ticket.transitions if transition.after == "Done"]
    resolved = done[-1] if done and ticket.status == "Done" else None
    fields: dict[str, Any] = {
        "summary": ticket.summary,
        "description": _document(ticket),
        "status": _status(ticket.status, ticket.status_category),
        "issuetype": {
            "self": f"{SITE}/rest/api/3/issuetype/{_TYPES[ticket.kind]}",
            "id": _TYPES[ticket.kind],
            "name": ticket.kind,
            "subtask": False,
            "hierarchyLevel": 1 if ticket.kind == "Epic" else 0,
        },
        "project": {
            "self": f"{SITE}/rest/api/3/project/{_project_number(project)}",
            "id": _project_number(project),
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
            "simplified": team_managed,
        },
        "priority": {
            "self": f"{SITE}/rest/api/3/priority/{_PRIORITIES[ticket.priority]}",
            "name": ticket.priority,
            "id": _PRIORITIES[ticket.priority],
        },
        "assignee": _user(ticket.assignee) if ticket.assignee is not None else None,
        "reporter": _user(ticket.reporter),
        "creator": _user(ticket.reporter),
        "labels": list(ticket.labels),
        "created": _shown_time(ticket.created_at),
        "updated": _shown_time(ticket.updated_at),
        "resolution": {"id": "10000", "name": "Done", "description": "Work is completed."} if resolved else None,
        "resolutiondate": _shown_time(resolved) if resolved else None,
        "duedate": None,
        "timespent": None,
        "timeoriginalestimate": ticket.effort * 7200,
        STORY_POINT_ESTIMATE: ticket.story_points if team_managed else None,
        STORY_POINTS: None if team_managed else ticket.story_points,
        EPIC_LINK: None,
        ACCOUNT: {"id": 200 + project.number, "value": f"{project.name} account"},
    }
    if ticket.parent is not None and (team_managed or ticket.number % 2):
        fields["parent"] = {
            "id": str(ticket.parent.number),
            "key": ticket.parent.key,
            "self": f"{SITE}/rest/api/3/issue/{ticket.parent.number}",
            "fields": {"summary": ticket.parent.summary},
        }
    elif ticket.parent is not None:
        # Old issues of company-managed projects still have the epic in a separate field.
        fields[EPIC_LINK] = ticket.parent.key
    return {
        "id": str(ticket.number),
        "self": f"{SITE}/rest/api/3/issue/{ticket.number}",
        "key": ticket.key,
        "fields": fields,
    }


def _document(ticket: Ticket) -> dict[str, Any] | None:
    """The description; some issues have none, some have unknown nodes."""
    if ticket.number % 9 == 0:
        return None

    def text(words: str, **marks: Any) -> dict[str, Any]:
        return {"type": "text", "text": words, **marks}

    content: list[dict[str, Any]] = [
        {"type": "heading", "attrs": {"level": 2}, "content": [text("What is wanted")]},
        {
            "type": "paragraph",
            "content": [
                text(f"{ticket.summary} for "),
                text(ticket.project.name, marks=[{"type": "strong"}]),
                text("."),
                {"type": "hardBreak"},
                {
                    "type": "mention",
                    "attrs": {"id": ticket.reporter.jira_account_id, "text": f"@{ticket.reporter.name}"},
                },
            ],
        },
    ]
    if ticket.number % 2:
        items = ("Reproduce it", "Mend it", "Write a test")
        content.append(
            {
                "type": "bulletList",
                "content": [
                    {"type": "listItem", "content": [{"type": "paragraph", "content": [text(item)]}]} for item in items
                ],
            }
        )
    if ticket.number % 5 == 0:
        content.append({"type": "codeBlock", "attrs": {"language": "sh"}, "content": [text("make run")]})
        content.append(
            {
                "type": "constellationBoard",
                "attrs": {"layout": "orbit"},
                "content": [{"type": "constellationStar", "content": [text("A node that no reader knows")]}],
            }
        )
    return {"type": "doc", "version": 1, "content": content}


def _changes(ticket: Ticket) -> Iterator[dict[str, Any]]:
    if ticket.former_key is not None:
        yield {
            "id": str(900_000 + ticket.number),
            "issueId": str(ticket.number),
            "author": _user(ticket.reporter),
            "created": _shown_time(ticket.created_at + timedelta(minutes=7)),
            "items": [
                {
                    "field": "project",
                    "fieldtype": "jira",
                    "fieldId": "project",
                    "fromString": ticket.former_key.partition("-")[0],
                    "toString": ticket.project.name,
                    "to": _project_number(ticket.project),
                },
                {
                    "field": "Key",
                    "fieldtype": "jira",
                    "fromString": ticket.former_key,
                    "toString": ticket.key,
                },
            ],
        }
    for transition in ticket.transitions:
        items: list[dict[str, Any]] = [
            {
                "field": "status",
                "fieldtype": "jira",
                "fieldId": "status",
                "from": _STATUSES[transition.before][0],
                "fromString": transition.before,
                "to": _STATUSES[transition.after][0],
                "toString": transition.after,
            }
        ]
        if transition.after == "Done":
            items.append(
                {"field": "resolution", "fieldtype": "jira", "fieldId": "resolution", "to": "10000", "toString": "Done"}
            )
        yield {
            "id": str(transition.number),
            "issueId": str(ticket.number),
            "author": _user(transition.author),
            "created": _shown_time(transition.at),
            "items": items,
        }
