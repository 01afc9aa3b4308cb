"""Clockify's REST routes: lists, entries, change feeds (vendors 1.2 to 1.5).

Paging by number skips a row when another one is deleted while the walk goes on, and repeats one when another is added.
Entries are therefore walked by their start (newest first, each request ends where the last one stopped, a day of
overlap for the vendor's wall-clock windows); lists that need more than one page are read until two readings agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from sources.kit.census import Answer, ask, is_missing
from sources.kit.errors import SourceError
from sources.kit.http import HttpClient, Response

Entity = dict[str, Any]
Feed = Literal["created", "updated", "deleted"]

WALL_CLOCK_PADDING = timedelta(days=1)
"""The vendor re-reads a window's UTC wall clock in the account's zone, so an edge is off by up to 14 hours."""

_ACCOUNT_STATUSES = "ACTIVE,PENDING_EMAIL_VERIFICATION,NOT_REGISTERED,LIMITED,LIMITED_DELETED,DELETED"
_FEED_LIMIT = 200
_FEED_DEFAULT_LIMIT = 50
_LONGEST_FEED_WINDOW = timedelta(days=29)
_MAXIMUM_PAGES_WITHOUT_FRESH_ROWS = 3
_MAXIMUM_READINGS = 4
_INSTANT = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ")
_MISSING_CODE = 501
"""With status 400: a missing entity, the same whether it was deleted or never existed."""
_ONE_MEMBER = "member-profile"


class ClockifyApi:
    """Clockify's routes over one client. Every method raises `SourceError` when the vendor cannot be read."""

    def __init__(self, client: HttpClient, *, page_size: int) -> None:
        """Use `client`, asking for `page_size` rows at a time."""
        self._client = client
        self._page_size = page_size

    def workspaces(self) -> list[Entity]:
        """All workspaces that the key can read; the route knows no paging."""
        found = self._array(self._client.get("workspaces"))
        if not found:
            raise SourceError(
                "clockify: Clockify answers, but the API key can read no workspace; invite its owner into one, or give "
                "SOURCES__CLOCKIFY__API_KEY the key of somebody who is in it"
            )
        return found

    def users(self, workspace: str) -> list[Entity]:
        """All members; without both filters the vendor hides inactive ones and their hours would be missing."""
        return self._whole_list(
            f"workspaces/{workspace}/users",
            {"status": "ALL", "account-statuses": _ACCOUNT_STATUSES, "memberships": "WORKSPACE"},
        )

    def named(self, workspace: str, collection: Literal["clients", "projects", "tags"]) -> list[Entity]:
        """All clients, projects or tags, archived ones included (that is what leaving `archived` out means)."""
        return self._whole_list(f"workspaces/{workspace}/{collection}", {})

    def entries(self, workspace: str, user: str, start: datetime | None = None) -> Iterator[list[Entity]]:
        """Batches of a user's entries that start at `start` or later (all without one), no id twice.

        The batches hold earlier entries too, as far as the padded window brings them along.
        """
        path = f"workspaces/{workspace}/user/{user}/time-entries"
        window = {} if start is None else {"start": _instant(start - WALL_CLOCK_PADDING)}
        known: set[Any] = set()
        end: datetime | None = None
        page, without_fresh, by_start = 1, 0, True
        while True:
            edge = {} if end is None else {"end": _instant(end)}
            answer = self._client.get(path, {**window, **edge, "page": page, "page-size": self._page_size})
            rows = self._array(answer)
            fresh = _unknown(rows, known)
            if fresh:
                yield fresh
            if _is_last(answer, rows, fresh):
                return
            without_fresh = 0 if fresh else without_fresh + 1
            if without_fresh > _MAXIMUM_PAGES_WITHOUT_FRESH_ROWS:
                raise SourceError(
                    f"clockify: {path} repeats its pages without end, so nothing was kept; run again later"
                )
            reached = _oldest_start(rows) if by_start else None
            if reached is not None and fresh and (end is None or reached + WALL_CLOCK_PADDING < end):
                end, page = reached + WALL_CLOCK_PADDING, 1
            else:
                # A page within one day, or a server that orders or windows otherwise: go on by page number.
                by_start = by_start and bool(fresh)
                page += 1

    def running(self, workspace: str) -> list[Entity] | None:
        """Running timers of the workspace, None where the route is not to be had."""
        path = f"workspaces/{workspace}/time-entries/status/in-progress"
        found: list[Entity] = []
        known: set[Any] = set()
        page = 1
        while True:
            answer = self._client.get(path, {"page": page, "page-size": 1000}, expect=(200, 400, 403, 404, 405))
            if answer.status != 200:
                return None
            rows = self._array(answer)
            fresh = _unknown(rows, known)
            found += fresh
            if _is_last(answer, rows, fresh):
                return found
            page += 1

    def ask(self, workspace: str, collection: Literal["users", "clients", "projects", "tags"], entity: str) -> Answer:
        """Ask for one member, client, project or tag by its id."""
        place = _ONE_MEMBER if collection == "users" else collection
        return ask(self._client, f"workspaces/{workspace}/{place}/{entity}", is_gone=_is_gone)

    def entry(self, workspace: str, entry_id: str) -> Entity | Answer:
        """One entry, or what the vendor says instead of it."""
        answer = self._client.get(f"workspaces/{workspace}/time-entries/{entry_id}", expect=(200, 400, 403, 404, 410))
        if answer.status != 200:
            return Answer.GONE if _is_gone(answer) else Answer.UNSAID
        found = answer.json()
        return found if isinstance(found, dict) else Answer.UNSAID

    def feed(self, workspace: str, feed: Feed, start: datetime, end: datetime) -> list[Entity] | None:
        """Rows of a change feed between two moments, None where the plan does not include the feeds.

        Both edges are always sent: a missing one means the vendor's default of 30 days.
        """
        rows: list[Entity] = []
        while start < end:
            edge = min(end, start + _LONGEST_FEED_WINDOW)
            part = self._feed_window(workspace, feed, start, edge)
            if part is None:
                return None
            rows += part
            start = edge
        return rows

    def _feed_window(self, workspace: str, feed: Feed, start: datetime, end: datetime) -> list[Entity] | None:
        path = f"workspaces/{workspace}/entities/{feed}"
        window = {"type": "TIME_ENTRY", "start": _instant(start), "end": _instant(end), "limit": _FEED_LIMIT}
        found: list[Entity] = []
        known: set[Any] = set()
        # The vendor's own texts differ on whether pages count from 0 or 1; where 0 means 1, page 1 brings nothing new.
        page = 0
        while True:
            answer = self._client.get(path, {**window, "page": page}, expect=(200, 400, 402, 403, 404, 405, 501))
            if answer.status == 400 and page == 0:
                page = 1
                continue
            if answer.status != 200:
                return None
            document = answer.json()
            rows = self._rows(document.get("response") if isinstance(document, dict) else document, path)
            fresh = _unknown(rows, known)
            found += fresh
            # Fewer rows than the vendor's default limit cannot be a page that was cut short.
            if len(rows) < _FEED_DEFAULT_LIMIT or (not fresh and page >= 2):
                return found
            page += 1

    def _whole_list(self, path: str, params: dict[str, Any]) -> list[Entity]:
        found, pages = self._read_list(path, params)
        if pages <= 1:
            return found
        # A deletion while paging moves a row past the reader: read again until nothing new turns up.
        for _ in range(_MAXIMUM_READINGS):
            known = {row.get("id") for row in found}
            again, _pages = self._read_list(path, params)
            missed = [row for row in again if row.get("id") not in known]
            if not missed:
                return found
            found += missed
        raise SourceError(f"clockify: {path} changes faster than it can be read; run again later")

    def _read_list(self, path: str, params: dict[str, Any]) -> tuple[list[Entity], int]:
        found: list[Entity] = []
        known: set[Any] = set()
        page, without_fresh, pages_with_fresh = 1, 0, 0
        while True:
            answer = self._client.get(path, {**params, "page": page, "page-size": self._page_size})
            rows = self._array(answer)
            fresh = _unknown(rows, known)
            found += fresh
            pages_with_fresh += bool(fresh)
            if _is_last(answer, rows, fresh):
                return found, pages_with_fresh
            without_fresh = 0 if fresh else without_fresh + 1
            if without_fresh > _MAXIMUM_PAGES_WITHOUT_FRESH_ROWS:
                raise SourceError(
                    f"clockify: {path} repeats its pages without end, so nothing was kept; run again later"
                )
            page += 1

    def _array(self, answer: Response) -> list[Entity]:
        return self._rows(answer.json(), answer.url.partition("?")[0])

    @staticmethod
    def _rows(document: Any, place: str) -> list[Entity]:
        if not isinstance(document, list):
            raise SourceError(
                f"clockify: {place} answered with {type(document).__name__} instead of a list, so nothing was kept; "
                "check SOURCES__CLOCKIFY__BASE_URL"
            )
        return document


def _is_gone(answer: Response) -> bool:
    document = answer.json()
    code = document.get("code") if isinstance(document, dict) else None
    return is_missing(answer) or (answer.status == 400 and str(code) == str(_MISSING_CODE))


def start_of(entry: Any) -> str | None:
    """An entry's start as text in the vendor's one spelling, which sorts like the moments; None for any other."""
    interval = entry.get("timeInterval") if isinstance(entry, dict) else None
    text = interval.get("start") if isinstance(interval, dict) else None
    return text if isinstance(text, str) and _INSTANT.fullmatch(text) else None


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _unknown(rows: list[Entity], known: set[Any]) -> list[Entity]:
    """Rows that were not met before, by id; by their text where no id can be read (they end in quarantine)."""
    fresh = []
    for row in rows:
        key = row.get("id") if isinstance(row, dict) else None
        if not isinstance(key, str | int):
            key = repr(row)
        if key not in known:
            known.add(key)
            fresh.append(row)
    return fresh


def _is_last(answer: Response, rows: list[Entity], fresh: list[Entity]) -> bool:
    """Whether a page is the last one: as the header says, and where there is none, when a page brings nothing new.

    Some routes ignore paging, send the whole list every time and no header (vendors 1.2).
    """
    said = answer.headers.get("Last-Page", "").strip().lower()
    if said in ("true", "false"):
        return said == "true" or not rows
    return not fresh


def _oldest_start(rows: list[Entity]) -> datetime | None:
    """The start of the last row if the page runs from newest to oldest, else None."""
    starts = [start for start in map(start_of, rows) if start is not None]
    if not starts or any(later < earlier for later, earlier in pairwise(starts)):
        return None
    try:
        return datetime.fromisoformat(starts[-1])
    except ValueError:
        # 31 February: the page number leads on, and the record ends in quarantine.
        return None
