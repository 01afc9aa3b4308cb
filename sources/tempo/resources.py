"""The dlt source of Tempo Cloud: worklogs, their deletions and accounts.

Strategy (vendors 3.4): worklogs changed since the cursor less a look-back, newest change first, the cursor moved on
only when the walk is whole; deletions from the audit log, by a whole read where the log does not reach; once a week
everything is read again, which finds what no feed reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import dlt

from sources.kit import landed
from sources.kit.account import Names, hold_account, site_of
from sources.kit.arrow import to_arrow
from sources.kit.census import PRESENT, Answer, Census, judge, refuse_loss
from sources.kit.http import HttpClient
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.run import PerRun
from sources.kit.walk import Spool
from sources.tempo.client import (
    AUDIT_MEMORY,
    Deletion,
    Walk,
    ask_account,
    ask_worklog,
    connect,
    read_accounts,
    read_deletions,
    site_in,
    site_shown,
    walk_worklogs,
)
from sources.tempo.schema import ACCOUNTS, WORKLOG_DELETIONS, WORKLOGS

BASE_URL: Final = "https://api.tempo.io"
LOOK_BACK = timedelta(hours=1)
"""Read again before the cursor: Tempo's clock, late writes, ties."""
WHOLE_READ_EVERY = timedelta(days=7)
AUDIT_STEP = timedelta(days=1)
"""How stale the audit cursor may grow before it is moved: moving it writes state, reading a day again costs nothing."""
_DELETED = ("audit_log", "not_found")


class _Run:
    """What the resources of one run share: the client, the quarantine and the walk."""

    def __init__(self) -> None:
        self.quarantine = Quarantine("tempo")
        self.started_at = self.quarantine.found_at
        self.has_site = False
        """Whether the site is known of which this run tells."""
        self._client: HttpClient | None = None
        self._walk: Walk | None = None
        self._whole_walk: Walk | None = None

    def client(self, base_url: str, api_token: str) -> HttpClient:
        if self._client is None:
            self._client = connect(base_url, api_token)
        return self._client

    def hold(self, site: Names) -> None:
        """Refuse another site than the one that has landed."""
        self.has_site = self.has_site or bool(site)
        hold_account("tempo", "site", site, _landed_site)

    def walk(self, client: HttpClient) -> Walk:
        """The walk that the resource `worklogs` lands: what changed since its cursor, or all when that is due."""
        if self._walk is None:
            state = dlt.current.resource_state(WORKLOGS.name)
            since = None if self.is_due(state) else _moment(state["cursor"]) - LOOK_BACK
            self._walk = self.whole_walk(client) if since is None else walk_worklogs(client, self.quarantine, since)
            self.hold(self._walk.site)
        return self._walk

    def whole_walk(self, client: HttpClient) -> Walk:
        """A walk through all worklogs, at most one a run."""
        if self._whole_walk is None:
            known = self._walk
            self._whole_walk = known if known and known.whole else walk_worklogs(client, self.quarantine, None)
            self.hold(self._whole_walk.site)
        return self._whole_walk

    def is_due(self, state: dict[str, Any]) -> bool:
        """Whether a resource must look at everything: for the first time, or because the last time is a week ago."""
        return "whole_at" not in state or _moment(state["whole_at"]) < self.started_at - WHOLE_READ_EVERY


@dlt.source(name="tempo", section="tempo", max_table_nesting=0)
def tempo() -> Any:
    """Tempo's worklogs, deletions and accounts.

    Settings below `SOURCES__TEMPO__`: `api_token`; `base_url`, the region's address (default https://api.tempo.io).
    """
    runs = PerRun(_Run)

    @dlt.resource(**WORKLOGS.dlt_hints())
    def worklogs(api_token: str = dlt.secrets.value, base_url: str = BASE_URL) -> Iterator[Any]:
        run = runs()
        state = dlt.current.resource_state()
        yield from declare(WORKLOGS)
        walk = run.walk(run.client(base_url, api_token))
        yield from walk.spool.load(alone=True)
        # A clock that runs ahead must not carry the cursor into the future.
        cursor = min(walk.newest, run.started_at) if walk.newest else None
        if walk.whole:
            state["whole_at"] = run.started_at.isoformat()
            cursor = cursor or run.started_at
        if cursor and ("cursor" not in state or walk.whole or cursor > _moment(state["cursor"])):
            state["cursor"] = cursor.isoformat()
        yield from run.quarantine.flush()

    @dlt.resource(**WORKLOG_DELETIONS.dlt_hints())
    def worklog_deletions(api_token: str = dlt.secrets.value, base_url: str = BASE_URL) -> Iterator[Any]:
        run = runs()
        state = dlt.current.resource_state()
        yield from declare(WORKLOG_DELETIONS)
        rows = _deletions(run, run.client(base_url, api_token), state)
        if rows:
            yield to_arrow(WORKLOG_DELETIONS, rows, quarantine=run.quarantine)
        yield from run.quarantine.flush()

    @dlt.resource(**ACCOUNTS.dlt_hints())
    def accounts(api_token: str = dlt.secrets.value, base_url: str = BASE_URL) -> Iterator[Any]:
        run = runs()
        client = run.client(base_url, api_token)
        records = read_accounts(client)
        run.hold(site_in(records, "lead"))
        yield from declare(ACCOUNTS)
        spool = Spool(ACCOUNTS)
        spool.add(to_arrow(ACCOUNTS, records, quarantine=run.quarantine, extra=PRESENT))
        shown = [record.get("id") if isinstance(record, dict) else None for record in records]
        census = Census(ACCOUNTS, run.quarantine, "accounts", asker=partial(ask_account, client))
        for marked in census.marks(shown):
            spool.add(marked)
        yield from spool.load()
        yield from run.quarantine.flush()

    return worklogs, worklog_deletions, accounts, quarantined_records()


def _landed_site() -> dict[str, str]:
    """The site of the newest worklog: a site may have had another name once."""
    link = "record -> 'author' ->> 'self'"
    rows = landed.rows(WORKLOGS, (link,), f"{link} is not null order by updated_at desc limit 1")
    return dict(site_of(rows[0][0])) if rows else {}


def _deletions(run: _Run, client: HttpClient, state: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of `worklog_deletions` that this run learns; moves the audit cursor on.

    What the audit log calls deleted is deleted. Where the log does not reach (no permission, more than 180 days since
    the last look), what a whole read misses and Tempo does not know by its id counts as deleted; where it does reach,
    a missed worklog without an entry is only not visible.
    """
    is_due = run.is_due(state)
    if "audited_until" not in state and not landed.rows(WORKLOGS, ("id",), "true limit 1"):
        # Nothing landed can have been deleted; what goes during this first read is asked for from here on.
        state["audited_until"] = state["whole_at"] = run.started_at.isoformat()
        return []
    marks = {row[0]: row[1:] for row in landed.rows(WORKLOG_DELETIONS, ("id", "reason", "deleted_at"))}
    farthest = run.started_at - AUDIT_MEMORY
    audited_until = _moment(state["audited_until"]) if "audited_until" in state else farthest
    events = read_deletions(client, max(audited_until - LOOK_BACK, farthest), run.quarantine)
    is_covered = events is not None and audited_until - LOOK_BACK > farthest
    walk = run.whole_walk(client) if is_due or not is_covered else run.walk(client)
    if events and not run.has_site:
        # The ids of another site's deleted worklogs must not meet those that have landed.
        run.hold(site_shown(client))
    if events is not None and run.started_at - audited_until > AUDIT_STEP:
        state["audited_until"] = run.started_at.isoformat()
    if is_due:
        state["whole_at"] = run.started_at.isoformat()

    # Without a whole read only the deleted ones need to be known by their ids.
    asked: tuple[Any, ...] = ("true",) if walk.whole else ("id = any(%s)", list(events or ()))
    known = {row[0] for row in landed.rows(WORKLOGS, ("id",), *asked)} if walk.whole or events else set()
    rows: dict[int, dict[str, Any]] = {}

    def note(worklog: int, reason: str, deletion: Deletion | None = None) -> None:
        rows[worklog] = {
            "id": worklog,
            "reason": reason,
            "deleted_by": deletion.by if deletion else None,
            "is_deleted": reason in _DELETED,
            "deleted_at": (deletion.at if deletion else run.started_at) if reason in _DELETED else None,
            "found_at": run.started_at,
        }

    alive: set[int] = set()
    for worklog, deletion in (events or {}).items():
        reason, deleted_at = marks.get(worklog, ("", None))
        if worklog in walk.seen and ask_worklog(client, worklog) is not Answer.GONE:
            alive.add(worklog)
        elif (worklog in known or worklog in walk.seen) and (reason != "audit_log" or deletion.at > deleted_at):
            note(worklog, "audit_log", deletion)
    gone = (events or {}).keys() - alive
    for worklog in marks.keys() & (walk.seen | alive) - gone:
        if marks[worklog][0] != "restored":
            note(worklog, "restored")
    if walk.whole:
        settled = {worklog for worklog, (reason, _) in marks.items() if reason in _DELETED}
        unseen = {worklog for worklog, (reason, _) in marks.items() if reason == "not_visible"}
        missed = known - settled - walk.seen - gone
        refuse_loss("tempo", "worklogs", len(missed - unseen), len(known - settled - unseen))
        # The audit log names every deletion; where it does not reach, Tempo is asked.
        asker = None if is_covered else partial(ask_worklog, client)
        verdict = judge("tempo", {worklog: worklog in unseen for worklog in missed}, asker, run.started_at)
        for worklog in verdict.gone:
            note(worklog, "not_found")
        for worklog in verdict.unseen:
            note(worklog, "not_visible")
        for worklog in verdict.back:
            note(worklog, "restored")
    return list(rows.values())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
