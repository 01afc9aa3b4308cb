"""How Jira is asked: Cloud by tokens and bulk routes, Data Center by offsets.

Facts: vendors 2.1 to 2.7. Both readers return the same objects under the same names, so that no other module
needs to know which Jira it is.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sources.kit.census import Answer, ask
from sources.kit.errors import SourceError, VendorError
from sources.kit.http import HttpClient, Response

ISSUE_PAGE = 500
"""Asked for; Cloud sends as many as it likes, and a short page means nothing."""
KEY_PAGE = 5000
OFFSET_PAGE = 200
OFFSET_KEY_PAGE = 1000
OVERLAP = 20
LISTING_PAGE = 100
USER_PAGE = 1000
ISSUES_IN_BULK = 100
ISSUES_OF_CHANGELOGS = 1000
HISTORY_PAGE = 5000
ISSUES_WITH_CHANGELOG = 50
MOST_WALKS = 4
MOST_EMPTY_PAGES = 20

_KEYS = ("id", "key")


class Reader(Protocol):
    """What can be asked of either Jira."""

    def account(self) -> Mapping[str, Any]:
        """Who the credentials belong to; the first request of a run, since bad ones would show an empty site."""

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[list[Any]]:
        """Pages of the issues that a query finds; an issue that changes meanwhile may come twice."""

    def named(self, ids: Collection[str], fields: Sequence[str]) -> tuple[list[Any], set[str]]:
        """Issues by id, and the ids of those that are not to be had."""

    def histories(self, ids: Collection[str]) -> Iterator[list[Any]]:
        """Pages of the changelogs of issues, each entry with its `issueId`."""

    def fields(self) -> list[Any]:
        """All fields that the account may see."""

    def projects(self) -> list[Any]:
        """All projects that the account may see, archived and deleted ones included as far as Jira tells."""

    def browsable_projects(self) -> set[str]:
        """Ids of the live projects whose issues the account may see."""

    def users(self) -> list[Any]:
        """All accounts."""

    def ask_user(self, user: str) -> Answer:
        """Ask for one account by its id."""


def connect(base_url: str, email: str | None, api_token: str, deployment: str) -> Reader:
    """A reader for one Jira. Raises `SourceError` for settings that cannot be meant."""
    if deployment == "data_center":
        return DataCenterReader(_client(base_url, f"Bearer {api_token}", "SOURCES__JIRA__API_TOKEN"))
    if deployment != "cloud":
        raise SourceError(
            f"jira: SOURCES__JIRA__DEPLOYMENT is {deployment!r}; it must be cloud (the default) or data_center"
        )
    if not email:
        raise SourceError("jira: SOURCES__JIRA__EMAIL is missing; Jira Cloud takes an API token with its e-mail alone")
    credential = base64.b64encode(f"{email}:{api_token}".encode()).decode()
    return CloudReader(_client(base_url, f"Basic {credential}", "SOURCES__JIRA__EMAIL and SOURCES__JIRA__API_TOKEN"))


def _client(base_url: str, authorization: str, credential: str) -> HttpClient:
    return HttpClient(
        base_url, {"Authorization": authorization}, source="jira", credential=credential, limit=limit_wait
    )


def limit_wait(answer: Response) -> float | None:
    """Seconds until a limit is over that says its end in `X-RateLimit-Reset` alone, a moment in ISO's spelling."""
    if answer.status != 429 or answer.headers.get("Retry-After"):
        return None
    try:
        moment = datetime.fromisoformat(answer.headers.get("X-RateLimit-Reset", ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(1.0, (moment - datetime.now(UTC)).total_seconds())


class CloudReader:
    """Jira Cloud, REST v3."""

    def __init__(self, client: HttpClient) -> None:
        """Use a client whose base is the site's address."""
        self._client = client

    def account(self) -> Mapping[str, Any]:
        """See `Reader`."""
        return _object(self._client.get("rest/api/3/myself").json(), "myself")

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[list[Any]]:
        """See `Reader`. A token that goes stale or repeats makes the walk start again, never end early."""
        for _ in range(MOST_WALKS):
            if (yield from self._walk(jql, fields)):
                return
        raise SourceError("jira: the search hands out the same page again and again; run again later")

    def _walk(self, jql: str, fields: Sequence[str]) -> Generator[list[Any], None, bool]:
        """One walk from the first page on; tells at the end whether it reached the last one."""
        size = KEY_PAGE if set(fields) <= set(_KEYS) else ISSUE_PAGE
        payload: dict[str, Any] = {"jql": jql, "fields": list(fields), "maxResults": size}
        tokens: set[str] = set()
        empty = 0
        while True:
            try:
                answer = _object(self._client.post("rest/api/3/search/jql", payload).json(), "search/jql")
            except VendorError as refusal:
                if refusal.status == 400 and tokens:
                    return False
                raise
            issues = _list(answer, "issues", "search/jql")
            empty = 0 if issues else empty + 1
            yield issues
            token = answer.get("nextPageToken")
            if not token:
                return answer.get("isLast") is not False
            if token in tokens:
                return False
            if empty > MOST_EMPTY_PAGES:
                raise SourceError("jira: the search hands out empty pages without end; run again later")
            tokens.add(token)
            payload["nextPageToken"] = token

    def named(self, ids: Collection[str], fields: Sequence[str]) -> tuple[list[Any], set[str]]:
        """See `Reader`."""
        found: list[Any] = []
        missing: set[str] = set()
        for some in _portions(ids, ISSUES_IN_BULK):
            payload = {"issueIdsOrKeys": some, "fields": list(fields)}
            answer = _object(self._client.post("rest/api/3/issue/bulkfetch", payload).json(), "issue/bulkfetch")
            found.extend(_list(answer, "issues", "issue/bulkfetch"))
            missing.update(str(error.get("id")) for error in answer.get("issueErrors") or [])
        return found, missing

    def histories(self, ids: Collection[str]) -> Iterator[list[Any]]:
        """See `Reader`. One issue's entries may be on several pages."""
        for some in _portions(ids, ISSUES_OF_CHANGELOGS):
            for _ in range(MOST_WALKS):
                if (yield from self._histories(some)):
                    break
            else:
                raise SourceError("jira: the changelogs come in the same page again and again; run again later")

    def _histories(self, ids: list[str]) -> Generator[list[Any], None, bool]:
        payload: dict[str, Any] = {"issueIdsOrKeys": ids, "maxResults": HISTORY_PAGE}
        tokens: set[str] = set()
        while True:
            try:
                answer = _object(
                    self._client.post("rest/api/3/changelog/bulkfetch", payload).json(), "changelog/bulkfetch"
                )
            except VendorError as refusal:
                if refusal.status == 400 and tokens:
                    return False
                raise
            page: list[Any] = []
            for group in _list(answer, "issueChangeLogs", "changelog/bulkfetch"):
                page.extend(_with_issue(group.get("changeHistories") or [], group.get("issueId")))
            yield page
            token = answer.get("nextPageToken")
            if not token:
                return True
            if token in tokens:
                return False
            tokens.add(token)
            payload["nextPageToken"] = token

    def fields(self) -> list[Any]:
        """See `Reader`."""
        return _array(self._client.get("rest/api/3/field").json(), "field")

    def projects(self) -> list[Any]:
        """See `Reader`."""
        params = {"status": ["live", "archived", "deleted"], "expand": "lead", "orderBy": "key"}
        return _steady(lambda: self._project_pages(params))

    def browsable_projects(self) -> set[str]:
        """See `Reader`. The plain list also shows projects that the account may only administer."""
        found = _steady(lambda: self._project_pages({"status": ["live"], "action": "browse", "orderBy": "key"}))
        return {str(project.get("id")) for project in found}

    def _project_pages(self, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        start = 0
        while True:
            window = {"startAt": start, "maxResults": LISTING_PAGE}
            answer = _object(
                self._client.get("rest/api/3/project/search", {**params, **window}).json(), "project/search"
            )
            page = _list(answer, "values", "project/search")
            yield page
            start += len(page)
            if answer.get("isLast") or not page:
                return

    def users(self) -> list[Any]:
        """See `Reader`. A window of users may be shown short: only an empty one is the end."""
        return _steady(lambda: _user_pages(self._client, "rest/api/3/users/search", {}))

    def ask_user(self, user: str) -> Answer:
        """See `Reader`."""
        return ask(self._client, "rest/api/3/user", {"accountId": user})


class DataCenterReader:
    """Jira Data Center (and Server), REST v2."""

    def __init__(self, client: HttpClient) -> None:
        """Use a client whose base is the site's address, context path included."""
        self._client = client

    def account(self) -> Mapping[str, Any]:
        """See `Reader`."""
        return _object(self._client.get("rest/api/2/myself").json(), "myself")

    def search(self, jql: str, fields: Sequence[str]) -> Iterator[list[Any]]:
        """See `Reader`. Pages overlap: an issue that moves to the end pulls the others past a page's border."""
        for _ in range(MOST_WALKS):
            if (yield from self._walk(jql, fields)):
                return
        raise SourceError("jira: the issues changed faster than they could be read; run again later")

    def _walk(self, jql: str, fields: Sequence[str]) -> Generator[list[Any], None, bool]:
        size = OFFSET_KEY_PAGE if set(fields) <= set(_KEYS) else OFFSET_PAGE
        start = 0
        border: set[Any] = set()
        while True:
            payload = {"jql": jql, "fields": list(fields), "startAt": start, "maxResults": size}
            answer = _object(self._client.post("rest/api/2/search", payload).json(), "search")
            issues = _list(answer, "issues", "search")
            ids = [issue.get("id") if isinstance(issue, Mapping) else None for issue in issues]
            if border and not border.intersection(ids):
                return False
            yield issues
            total = answer.get("total")
            if not isinstance(total, int) or start + len(issues) >= total or not issues:
                return isinstance(total, int) and start + len(issues) >= total
            overlap = min(OVERLAP, max(1, len(issues) // 10), len(issues) - 1)
            border = set(ids[len(ids) - overlap :]) if overlap else set()
            start += len(issues) - overlap

    def named(self, ids: Collection[str], fields: Sequence[str]) -> tuple[list[Any], set[str]]:
        """See `Reader`. There is no bulk route: one request each."""
        found: list[Any] = []
        missing: set[str] = set()
        for issue in ids:
            answer = self._client.get(f"rest/api/2/issue/{issue}", {"fields": ",".join(fields)}, expect=(200, 404))
            if answer.status == 404:
                missing.add(issue)
            else:
                found.append(answer.json())
        return found, missing

    def histories(self, ids: Collection[str]) -> Iterator[list[Any]]:
        """See `Reader`. Changelogs come with a search by ids; where that is refused or cut short, one by one."""
        for some in _portions(ids, ISSUES_WITH_CHANGELOG):
            payload = {
                "jql": f"id in ({', '.join(some)})",
                # An id that is gone meanwhile must not spoil the whole search.
                "validateQuery": False,
                "fields": ["updated"],
                "expand": ["changelog"],
                "maxResults": len(some),
            }
            answer = self._client.post("rest/api/2/search", payload, expect=(200, 400))
            issues = _list(_object(answer.document, "search"), "issues", "search") if answer.status == 200 else []
            page: list[Any] = []
            whole: set[str] = set()
            for issue in issues:
                changelog = issue.get("changelog") if isinstance(issue, Mapping) else None
                if isinstance(changelog, Mapping) and changelog.get("total") == len(changelog.get("histories") or []):
                    page.extend(_with_issue(changelog["histories"], issue.get("id")))
                    whole.add(str(issue.get("id")))
            for identifier in some:
                if identifier not in whole:
                    page.extend(self._histories_of(identifier))
            yield page

    def _histories_of(self, issue: str) -> list[Any]:
        params = {"fields": "updated", "expand": "changelog"}
        answer = self._client.get(f"rest/api/2/issue/{issue}", params, expect=(200, 404))
        if answer.status == 404:
            return []
        changelog = _object(answer.json(), "issue").get("changelog") or {}
        return list(_with_issue(_list(changelog, "histories", "issue"), issue))

    def fields(self) -> list[Any]:
        """See `Reader`."""
        return _array(self._client.get("rest/api/2/field").json(), "field")

    def projects(self) -> list[Any]:
        """See `Reader`. Data Center has no bin: a deleted project is gone."""
        params = {"includeArchived": "true", "expand": "lead"}
        return _array(self._client.get("rest/api/2/project", params).json(), "project")

    def browsable_projects(self) -> set[str]:
        """See `Reader`."""
        return {str(project.get("id")) for project in self.projects() if not project.get("archived")}

    def users(self) -> list[Any]:
        """See `Reader`."""
        params = {"username": ".", "includeInactive": "true"}
        return _steady(lambda: _user_pages(self._client, "rest/api/2/user/search", params))

    def ask_user(self, user: str) -> Answer:
        """See `Reader`."""
        return ask(self._client, "rest/api/2/user", {"key": user})


def _user_pages(client: HttpClient, path: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
    start = 0
    while True:
        page = _array(client.get(path, {**params, "startAt": start, "maxResults": USER_PAGE}).json(), path)
        if not page:
            return
        yield page
        start += USER_PAGE


def _steady(pages: Any) -> list[Any]:
    """A list read by offsets: of several pages two readings must agree, since a row may slip past a page's border."""
    last: dict[str, Any] | None = None
    for _ in range(MOST_WALKS):
        found: dict[str, Any] = {}
        count = 0
        for page in pages():
            count += bool(page)
            for record in page:
                found[_identity(record)] = record
        if count <= 1 or (last is not None and last.keys() == found.keys()):
            return list(found.values())
        last = found
    raise SourceError("jira: a list changed faster than it could be read; run again later")


def _identity(record: Any) -> str:
    if not isinstance(record, Mapping):
        return repr(record)
    return str(record.get("id") or record.get("accountId") or record.get("key") or repr(record))


def _with_issue(histories: Iterable[Any], issue: Any) -> Iterator[Any]:
    """Changelog entries with the issue that they belong to; what is no object stays as it is, for the quarantine."""
    for history in histories:
        yield {**history, "issueId": issue} if isinstance(history, Mapping) else history


def _portions(ids: Collection[str], size: int) -> Iterator[list[str]]:
    ordered = sorted(ids, key=lambda text: (len(text), text))
    for first in range(0, len(ordered), size):
        yield ordered[first : first + size]


def _object(document: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise SourceError(
            f"jira: the answer of {place} is no object; is SOURCES__JIRA__BASE_URL the address of a Jira?"
        )
    return document


def _array(document: Any, place: str) -> list[Any]:
    if not isinstance(document, list):
        raise SourceError(f"jira: the answer of {place} is no list; is SOURCES__JIRA__BASE_URL the address of a Jira?")
    return document


def _list(document: Mapping[str, Any], name: str, place: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise SourceError(f"jira: the answer of {place} has no list {name}; Jira may have changed its answers")
    return value
