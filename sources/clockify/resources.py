"""The dlt source of Clockify: what lands, and which part of the history a run reads.

How edits and deletions are found (vendors 1.5 to 1.7):

- the first run reads every entry of every member, inactive ones included;
- later runs read the change feeds from a little before the last run on, and running timers until they stop;
- where the plan has no feeds, and once a day besides, the last `look_back_days` are read again;
- every `sweep_days` the whole history is read again, for what the feeds missed;
- members, clients, projects and tags are read completely each time;
- what is missing counts as deleted only when the vendor, asked for that very object, says that it is gone; otherwise it
  is merely not visible.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import dlt
import pyarrow as pa

from sources.clockify.client import ClockifyApi, Entity
from sources.clockify.schema import CLIENTS, PROJECTS, TAGS, TIME_ENTRIES, USERS, WORKSPACES
from sources.kit import landed
from sources.kit.account import hold_account
from sources.kit.arrow import PerRecord, to_arrow
from sources.kit.census import PRESENT, Answer, Census, accepts_loss, refuse_loss
from sources.kit.errors import CredentialError, SourceError, VendorError
from sources.kit.http import HttpClient
from sources.kit.landed import declare, differing
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.run import PerRun
from sources.kit.table import NOT_VISIBLE_SINCE, Table
from sources.kit.walk import Spool, ahead

logger = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://api.clockify.me/api/v1"
PAGE_SIZE = 1000
_OVERLAP = timedelta(minutes=5)
"""Feeds lag by a minute and need two minutes of overlap (vendors 1.5); clocks differ besides."""
_FEED_REACH = timedelta(days=30)
_LOOK_BACK_EVERY = timedelta(hours=20)
_STATE_STEP = timedelta(hours=6)
"""How old the feeds' cursor may grow before it is moved although nothing came: reading hours again costs little."""
_ROWS_PER_BATCH = 10_000
_MOST_ENTRY_QUESTIONS = 500
"""Entries of a workspace that are asked for by id in one run; the others are left to the next one."""
_FEED_KEYS = ("auditMetadata", "documentType")
_ENTRY_KEYS = frozenset({"id", "userId", "timeInterval", "projectId", "billable", "description", "type", "tagIds"})


class _Run:
    """What the resources of one run share: its start, its client, and the lists that several of them need."""

    def __init__(self) -> None:
        self.started_at = datetime.now(UTC)
        self.quarantine = Quarantine("clockify", self.started_at)
        self._api: ClockifyApi | None = None
        self._workspaces: list[Entity] | None = None
        self._users: dict[str, list[Entity]] = {}

    def api(self, api_key: str, base_url: str) -> ClockifyApi:
        if self._api is None:
            client = HttpClient(
                base_url, {"X-Api-Key": api_key}, source="clockify", credential="SOURCES__CLOCKIFY__API_KEY"
            )
            self._api = ClockifyApi(client, page_size=PAGE_SIZE)
        return self._api

    def workspaces(self, api: ClockifyApi) -> list[Entity]:
        if self._workspaces is None:
            found = api.workspaces()
            shown = {str(row["id"]): str(row.get("name") or row["id"]) for row in found if row.get("id")}
            hold_account("clockify", "workspace", shown, _landed_workspaces)
            self._workspaces = found
        return self._workspaces

    def workspace_ids(self, api: ClockifyApi) -> list[str]:
        return [str(workspace["id"]) for workspace in self.workspaces(api) if workspace.get("id")]

    def users(self, api: ClockifyApi, workspace: str) -> list[Entity]:
        if workspace not in self._users:
            self._users[workspace] = api.users(workspace)
        return self._users[workspace]


@dlt.source(name="clockify", section="clockify", max_table_nesting=0)
def clockify() -> Any:
    """Workspaces, members, clients, projects, tags and time entries of every workspace that the API key can read.

    Settings (`SOURCES__CLOCKIFY__…`): `API_KEY`; `BASE_URL` for a regional host such as
    `https://euc1.clockify.me/api/v1`; `LOOK_BACK_DAYS` and `SWEEP_DAYS`, see the package.
    """
    runs = PerRun(_Run)

    @dlt.resource(**WORKSPACES.dlt_hints())
    def workspaces(api_key: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL) -> Iterator[Any]:
        run = runs()
        found = run.workspaces(run.api(api_key, base_url))
        yield from declare(WORKSPACES)
        extra = {**PRESENT, **_currency_codes(found)}
        yield from _changed(WORKSPACES, to_arrow(WORKSPACES, found, quarantine=run.quarantine, extra=extra))
        yield from Census(WORKSPACES, run.quarantine, "workspaces").marks(_ids(found), _currency_codes)
        yield from run.quarantine.flush()

    @dlt.resource(**USERS.dlt_hints())
    def users(api_key: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL) -> Iterator[Any]:
        run = runs()
        api = run.api(api_key, base_url)
        yield from declare(USERS)
        for workspace in run.workspace_ids(api):
            yield from _whole_table(USERS, "users", workspace, run, api, run.users(api, workspace))
        yield from run.quarantine.flush()

    def named(table: Table, collection: Literal["clients", "projects", "tags"]) -> Any:
        @dlt.resource(**table.dlt_hints())
        def whole(api_key: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL) -> Iterator[Any]:
            run = runs()
            api = run.api(api_key, base_url)
            yield from declare(table)
            for workspace in run.workspace_ids(api):
                yield from _whole_table(table, collection, workspace, run, api, api.named(workspace, collection))
            yield from run.quarantine.flush()

        return whole

    @dlt.resource(**TIME_ENTRIES.dlt_hints())
    def time_entries(
        api_key: str = dlt.secrets.value,
        base_url: str = DEFAULT_BASE_URL,
        look_back_days: int = 60,
        sweep_days: int = 7,
    ) -> Iterator[Any]:
        run = runs()
        api = run.api(api_key, base_url)
        state = dlt.current.resource_state()
        spool = Spool(TIME_ENTRIES)
        yield from declare(TIME_ENTRIES)
        reached: dict[str, dict[str, Any]] = {}
        for workspace in run.workspace_ids(api):
            reading = _EntryReading(api, workspace, run, spool, state.get(workspace))
            reached[workspace] = reading.read(timedelta(days=look_back_days), timedelta(days=sweep_days))
        has_loaded = False
        for file in spool.load(alone=True):
            has_loaded = True
            yield file
        for workspace, reading_state in reached.items():
            if has_loaded or _has_moved(state.get(workspace), reading_state):
                state[workspace] = reading_state
        yield from run.quarantine.flush()

    return (
        workspaces,
        users,
        named(CLIENTS, "clients"),
        named(PROJECTS, "projects"),
        named(TAGS, "tags"),
        time_entries,
        quarantined_records(),
    )


def _whole_table(
    table: Table,
    collection: Literal["users", "clients", "projects", "tags"],
    workspace: str,
    run: _Run,
    api: ClockifyApi,
    found: list[Entity],
) -> Iterator[pa.Table]:
    """Yield the rows of a complete list that changed, then the landed rows that are no longer on it."""
    place = {"workspace_id": workspace}
    census = Census(
        table,
        run.quarantine,
        f"{collection} of workspace {workspace}",
        "workspace_id = %s",
        (workspace,),
        partial(api.ask, workspace, collection),
    )
    yield from _changed(table, to_arrow(table, found, quarantine=run.quarantine, extra={**place, **PRESENT}))
    yield from census.marks(_ids(found), lambda _: place)


def _changed(table: Table, batch: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows of a batch that differ from the landed ones; nothing at all where none does."""
    changed = differing(table, batch)
    if changed.num_rows:
        yield changed


def _marked(workspace: str, moments: dict[str, datetime], state: dict[str, Any], run: _Run) -> pa.Table:
    """Return landed time entries by id, with the given state; where it holds a moment, each with its own."""
    condition = "workspace_id = %s and id = any(%s) and not coalesce(is_deleted, false)"
    records = landed.records(TIME_ENTRIES, condition, workspace, list(moments))
    of_each = PerRecord([moments[record["id"]] for record in records])
    extra = {name: of_each if value is _OF_EACH else value for name, value in state.items()}
    return to_arrow(
        TIME_ENTRIES, records, quarantine=run.quarantine, extra={"workspace_id": workspace, **PRESENT, **extra}
    )


_OF_EACH = object()
_DELETED = {"is_deleted": True, "deleted_at": _OF_EACH}
_UNSEEN = {NOT_VISIBLE_SINCE.name: _OF_EACH}


class _EntryReading:
    """One run's reading of one workspace's time entries, from the state of the last run to the state of the next.

    State, committed with the rows: `read_at` start of the last reading, `finished_at` its end, `looked_back_at` and
    `swept_at` when the windows were last read, `watched` ids to ask for by name next time (running timers, and entries
    so new that the feed of deletions could not contain them).
    """

    def __init__(self, api: ClockifyApi, workspace: str, run: _Run, spool: Spool, state: dict[str, Any] | None) -> None:
        self._api = api
        self._workspace = workspace
        self._run = run
        self._spool = spool
        self._state = state or {}
        self._now = run.started_at
        # A Clockify id begins with the second of its creation in hexadecimal.
        self._first_new_id = f"{int((self._now - _OVERLAP).timestamp()):08x}"
        self._pending: list[Entity] = []
        self._seen: set[str] = set()
        self._watch: set[str] = set()
        self._questions = _MOST_ENTRY_QUESTIONS

    def read(self, look_back: timedelta, sweep_every: timedelta) -> dict[str, Any]:
        """Spool what changed since the last run; return the state that the next run starts from."""
        read_at, swept_at = self._moment("read_at"), self._moment("swept_at")
        looked_back_at = self._moment("looked_back_at")
        known = bool(landed.rows(TIME_ENTRIES, ["1"], "workspace_id = %s limit 1", self._workspace))
        if (
            not known
            or read_at is None
            or swept_at is None
            or self._now - swept_at >= sweep_every
            or self._now - read_at >= _FEED_REACH
        ):
            self._read_window(None)
            created = self._api.feed(self._workspace, "created", self._now - _OVERLAP, self._now + timedelta(days=1))
            self._watch_new(created or [])
            swept_at = looked_back_at = self._now
        else:
            has_feeds = self._read_feeds(read_at)
            if not has_feeds:
                logger.warning(
                    "clockify: workspace %s has no change feeds, so the last %d days are read again instead",
                    self._workspace,
                    look_back.days,
                )
            if not has_feeds or looked_back_at is None or self._now - looked_back_at >= _LOOK_BACK_EVERY:
                self._read_window(self._now - look_back)
                looked_back_at = self._now
        self._read_watched()
        self._flush()
        return {
            "read_at": self._now.isoformat(),
            "finished_at": datetime.now(UTC).isoformat(),
            "swept_at": swept_at.isoformat(),
            "looked_back_at": looked_back_at.isoformat(),
            "watched": sorted(self._watch),
        }

    def _moment(self, name: str) -> datetime | None:
        text = self._state.get(name)
        return datetime.fromisoformat(text) if text else None

    # The whole history or a window of it -------------------------------------------------------------------------

    def _read_window(self, start: datetime | None) -> None:
        """Read every member's entries from `start` on, then verify the landed entries that did not come."""
        readable: list[str] = []
        refusal: SourceError | None = None
        for user, read in ahead(self._walk(start)):
            if isinstance(read, list):
                self._keep(read)
            elif read is not None:
                # One member whose entries may no longer be read must not hide the others; theirs stay.
                logger.warning("%s; the entries of this member stay as they are", read)
                refusal = read
            else:
                readable.append(user)
        if refusal is not None and not readable:
            raise refusal
        condition = "workspace_id = %s and user_id = any(%s) and not coalesce(is_deleted, false)"
        values: list[Any] = [self._workspace, readable]
        if start is not None:
            condition += " and start_time >= %s"
            values.append(start)
        columns = ("id", TIME_ENTRIES.not_visible)
        known = dict(landed.rows(TIME_ENTRIES, columns, condition, *values))
        missing = {entry_id: is_unseen for entry_id, is_unseen in known.items() if entry_id not in self._seen}
        visible = sum(not is_unseen for is_unseen in known.values())
        lost = sum(not is_unseen for is_unseen in missing.values())
        refuse_loss("clockify", f"time entries of workspace {self._workspace}", lost, visible)
        self._verify(dict.fromkeys(missing, self._now))

    def _walk(self, start: datetime | None) -> Iterator[tuple[str, list[Entity] | SourceError | None]]:
        """Every member's entries, page by page, each member closed by None or by the refusal that met it."""
        for user in self._run.users(self._api, self._workspace):
            if not user.get("id"):
                continue
            member = str(user["id"])
            try:
                for rows in self._api.entries(self._workspace, member, start):
                    yield member, rows
            except (VendorError, CredentialError) as refusal:
                yield member, refusal
            else:
                yield member, None

    # The change feeds --------------------------------------------------------------------------------------------

    def _read_feeds(self, read_at: datetime) -> bool:
        """Read the feeds since the last run; return whether the plan has feeds at all."""
        start, end = read_at - _OVERLAP, self._now + timedelta(days=1)
        created = self._api.feed(self._workspace, "created", start, end)
        updated = self._api.feed(self._workspace, "updated", start, end) if created is not None else None
        deleted = self._api.feed(self._workspace, "deleted", start, end) if updated is not None else None
        if created is None or updated is None or deleted is None:
            return False
        # What was created and deleted within one window is in no feed: a second window begins where the last run
        # ended, and what is too new even for that is asked for by name next time.
        finished_at = self._moment("finished_at") or read_at
        deleted += self._api.feed(self._workspace, "deleted", finished_at, end) or []
        gone: dict[str, datetime] = {}
        for row in deleted:
            document = row.get("document")
            entry_id = row.get("id") or (document.get("id") if isinstance(document, dict) else None)
            if entry_id:
                gone[str(entry_id)] = _moment_or(row.get("deletedAt"), self._now)
        # Deletions first: an entry that was edited and then deleted may be in both feeds, a restored one too.
        self._verify(gone)
        self._watch_new(created)
        changed: list[Entity] = []
        for row in [*created, *updated]:
            entry = {key: value for key, value in row.items() if key not in _FEED_KEYS}
            if entry.keys() >= _ENTRY_KEYS:
                changed.append(entry)
            elif row.get("id") and isinstance(read := self._api.entry(self._workspace, str(row["id"])), dict):
                changed.append(read)
        self._keep(changed)
        return True

    def _watch_new(self, created: list[Entity]) -> None:
        """Watch entries so new that the next run's window of the feed of deletions begins before them."""
        for row in created:
            if (moment := _audit_moment(row)) is not None and moment >= self._now - _OVERLAP and row.get("id"):
                self._watch.add(str(row["id"]))

    # Single entries ----------------------------------------------------------------------------------------------

    def _read_watched(self) -> None:
        """Read running timers, and the entries that the last run left to be watched."""
        self._keep(self._api.running(self._workspace) or [])
        left = [entry_id for entry_id in self._state.get("watched", []) if entry_id not in self._seen]
        self._verify(dict.fromkeys(left, self._now))

    def _verify(self, suspects: dict[str, datetime]) -> None:
        """Ask for each suspect by id: one that still exists is kept, one that is gone is marked deleted.

        One of which the vendor says neither is not visible; one for which there is no question left is watched.
        """
        if not suspects:
            return
        gone: dict[str, datetime] = {}
        unseen: dict[str, datetime] = {}
        columns = ("id", TIME_ENTRIES.not_visible)
        condition = "workspace_id = %s and id = any(%s) and not coalesce(is_deleted, false)"
        rows = landed.rows(TIME_ENTRIES, columns, condition, self._workspace, list(suspects))
        for entry_id, is_unseen in sorted(rows, key=lambda row: (row[1], row[0])):
            if self._questions == 0:
                self._watch.add(entry_id)
                continue
            self._questions -= 1
            entry = self._api.entry(self._workspace, entry_id)
            if isinstance(entry, dict):
                self._keep([entry])
            elif entry is Answer.GONE or accepts_loss("clockify"):
                gone[entry_id] = suspects[entry_id]
            elif not is_unseen:
                unseen[entry_id] = self._now
        for moments, state, what in ((gone, _DELETED, "deleted"), (unseen, _UNSEEN, "not visible any more")):
            if moments:
                logger.info("clockify: %d time entries of workspace %s are %s", len(moments), self._workspace, what)
                self._spool.add(_marked(self._workspace, moments, state, self._run))
        self._seen |= gone.keys() | unseen.keys()

    def _keep(self, entries: list[Entity]) -> None:
        """Keep entries as the vendor has them now, each once a run, and note which of them must be watched."""
        for row in entries:
            entry_id = row.get("id") if isinstance(row, dict) else None
            if isinstance(entry_id, str):
                if entry_id in self._seen:
                    continue
                self._seen.add(entry_id)
                interval = row.get("timeInterval")
                is_running = isinstance(interval, dict) and interval.get("end") is None
                if is_running or (len(entry_id) == 24 and entry_id >= self._first_new_id):
                    self._watch.add(entry_id)
            self._pending.append(row)
        if len(self._pending) >= _ROWS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            extra = {"workspace_id": self._workspace, **PRESENT}
            self._spool.add(to_arrow(TIME_ENTRIES, self._pending, quarantine=self._run.quarantine, extra=extra))
            self._pending = []


def _has_moved(last: dict[str, Any] | None, reached: dict[str, Any]) -> bool:
    """Tell whether the state of a reading that brought nothing is written; otherwise the run leaves no trace.

    Writing state makes a load package even if there is nothing to load, and that is most of such a run's cost.
    """
    noted = ("swept_at", "looked_back_at", "watched")
    if last is None or any(last.get(name) != reached[name] for name in noted):
        return True
    age = datetime.fromisoformat(reached["read_at"]) - datetime.fromisoformat(last["read_at"])
    return age >= _STATE_STEP


def _landed_workspaces() -> dict[str, str]:
    return {
        row[0]: row[1] or row[0] for row in landed.rows(WORKSPACES, ("id", "name"), "not coalesce(is_deleted, false)")
    }


def _ids(entities: list[Entity]) -> list[Any]:
    return [entity.get("id") if isinstance(entity, dict) else None for entity in entities]


def _currency_codes(workspaces: Sequence[Any]) -> dict[str, PerRecord]:
    return {"currency_code": PerRecord([_default_currency(workspace) for workspace in workspaces])}


def _default_currency(workspace: Any) -> str | None:
    currencies = workspace.get("currencies")
    for currency in currencies if isinstance(currencies, list) else []:
        if isinstance(currency, dict) and currency.get("isDefault"):
            return str(currency.get("code") or "") or None
    rate = workspace.get("hourlyRate")
    return rate.get("currency") if isinstance(rate, dict) else None


def _audit_moment(row: Entity) -> datetime | None:
    audit = row.get("auditMetadata")
    return _moment_or(audit.get("createdAt"), None) if isinstance(audit, dict) else None


def _moment_or(text: Any, otherwise: Any) -> Any:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return otherwise
    return moment if moment.tzinfo else otherwise
