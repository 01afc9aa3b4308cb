"""Clockify by its REST API: what it returns and when it is read. What time is worth does not belong here.

How edits and deletions are found (model, 4 and api_facts, 1.5 to 1.7):

- the first run reads every entry of every member, inactive ones included;
- later runs read the change feeds from a little before the last run on, and running timers until they stop;
- where the plan has no feeds, and once a day besides, the last `look_back_days` are read again;
- every `sweep_days` the whole history is read again, for what the feeds missed;
- an entry counts as deleted only when the vendor, asked for that very entry, says that it is gone;
- members, clients, projects and tags are read completely each time, and twice before one is marked deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import dlt
import pyarrow as pa

from sources import landed
from sources.clockify.api import ClockifyApi, Entity, created_at
from sources.clockify.schema import CLIENTS, PROJECTS, TAGS, TIME_ENTRIES, USERS, WORKSPACES
from sources.errors import CredentialError, SourceError, VendorError
from sources.http import HttpClient
from sources.tables import PerRecord, Quarantine, Table, to_arrow

logger = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://api.clockify.me/api/v1"
_OVERLAP = timedelta(minutes=5)
"""Feeds lag by a minute and demand two minutes of overlap (api_facts, 1.5); clocks differ besides."""
_FEED_REACH = timedelta(days=30)
_LOOK_BACK_EVERY = timedelta(hours=20)
_ROWS_PER_BATCH = 10_000
_ALIVE = {"is_deleted": False, "deleted_at": None}
_FEED_KEYS = ("auditMetadata", "documentType")
_ENTRY_KEYS = frozenset({"id", "userId", "timeInterval", "projectId", "billable", "description", "type", "tagIds"})


@dataclass
class _Run:
    """One run: its start, its client and the lists that several resources need, each read once."""

    started_at: datetime
    quarantine: Quarantine
    _apis: dict[tuple[str, str, int], ClockifyApi] = field(default_factory=dict)
    _lists: dict[tuple[str, ...], list[Entity]] = field(default_factory=dict)

    def api(self, api_key: str, base_url: str, page_size: int) -> ClockifyApi:
        settings = (api_key, base_url, page_size)
        if settings not in self._apis:
            client = HttpClient(
                base_url, {"X-Api-Key": api_key}, source="clockify", credential="SOURCES__CLOCKIFY__API_KEY"
            )
            self._apis[settings] = ClockifyApi(client, page_size=page_size)
        return self._apis[settings]

    def remembered(self, read: Callable[[], list[Entity]], *name: str) -> list[Entity]:
        if name not in self._lists:
            self._lists[name] = read()
        return self._lists[name]

    def workspaces(self, api: ClockifyApi) -> list[Entity]:
        return self.remembered(api.workspaces, "workspaces")

    def workspace_ids(self, api: ClockifyApi) -> list[str]:
        return [str(workspace["id"]) for workspace in self.workspaces(api) if workspace.get("id")]

    def users(self, api: ClockifyApi, workspace: str) -> list[Entity]:
        return self.remembered(lambda: api.users(workspace), "users", workspace)


@dlt.source(name="clockify", section="clockify", max_table_nesting=0)
def clockify() -> Any:
    """Workspaces, members, clients, projects, tags and time entries of every workspace that the API key can read.

    Settings (`SOURCES__CLOCKIFY__…`): `API_KEY`; `BASE_URL` for a regional host such as
    `https://euc1.clockify.me/api/v1`; `PAGE_SIZE` rows a request; `LOOK_BACK_DAYS` and `SWEEP_DAYS`, see the package.
    """
    started_at = datetime.now(UTC)
    run = _Run(started_at, Quarantine("clockify", started_at))

    @dlt.resource(**WORKSPACES.dlt_hints())
    def workspaces(
        api_key: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL, page_size: int = 1000
    ) -> Iterator[Any]:
        found = run.workspaces(run.api(api_key, base_url, page_size))
        codes = PerRecord([_default_currency(workspace) for workspace in found])
        yield to_arrow(WORKSPACES, found, quarantine=run.quarantine, extra={"currency_code": codes})
        yield from run.quarantine.flush()

    @dlt.resource(**USERS.dlt_hints())
    def users(
        api_key: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL, page_size: int = 1000
    ) -> Iterator[Any]:
        api = run.api(api_key, base_url, page_size)
        for workspace in run.workspace_ids(api):
            yield from _whole_table(USERS, workspace, run, run.users(api, workspace), partial(api.users, workspace))
        yield from run.quarantine.flush()

    def _named(table: Table, collection: Literal["clients", "projects", "tags"]) -> Any:
        @dlt.resource(**table.dlt_hints())
        def named(
            api_key: str = dlt.secrets.value, base_url: str = DEFAULT_BASE_URL, page_size: int = 1000
        ) -> Iterator[Any]:
            api = run.api(api_key, base_url, page_size)
            for workspace in run.workspace_ids(api):
                read = partial(api.named, workspace, collection)
                yield from _whole_table(table, workspace, run, read(), read)
            yield from run.quarantine.flush()

        return named

    @dlt.resource(**TIME_ENTRIES.dlt_hints())
    def time_entries(
        api_key: str = dlt.secrets.value,
        base_url: str = DEFAULT_BASE_URL,
        page_size: int = 1000,
        look_back_days: int = 60,
        sweep_days: int = 7,
    ) -> Iterator[Any]:
        api = run.api(api_key, base_url, page_size)
        state = dlt.current.resource_state()
        yield TIME_ENTRIES.empty()
        for workspace in run.workspace_ids(api):
            reading = _EntryReading(
                api, workspace, run, timedelta(days=look_back_days), timedelta(days=sweep_days), state.get(workspace)
            )
            yield from reading.batches()
            state[workspace] = reading.new_state
        yield from run.quarantine.flush()

    return (
        workspaces,
        users,
        _named(CLIENTS, "clients"),
        _named(PROJECTS, "projects"),
        _named(TAGS, "tags"),
        time_entries,
        run.quarantine.resource(),
    )


def _whole_table(
    table: Table, workspace: str, run: _Run, found: list[Entity], read_again: Callable[[], list[Entity]]
) -> Iterator[pa.Table]:
    """A list that was read completely: all of its rows, then those known before that are no longer on it."""
    known = {
        row[0] for row in landed.rows(table, ["id"], "workspace_id = %s and not coalesce(is_deleted, false)", workspace)
    }
    missing = known - {row.get("id") for row in found if isinstance(row, dict)}
    if missing:
        # Only what two complete readings lack is gone: a row may slip past one of them while others change.
        again = read_again()
        present = {row.get("id") for row in again if isinstance(row, dict)}
        missing -= present
        listed = {row.get("id") for row in found if isinstance(row, dict)}
        found = found + [row for row in again if isinstance(row, dict) and row.get("id") not in listed]
    yield to_arrow(table, found, quarantine=run.quarantine, extra={"workspace_id": workspace, **_ALIVE})
    if missing:
        logger.info("clockify: %d %s are gone from workspace %s", len(missing), table.name, workspace)
        yield _marked_deleted(table, workspace, dict.fromkeys(missing, run.started_at), run)


def _marked_deleted(table: Table, workspace: str, gone: dict[str, datetime], run: _Run) -> pa.Table:
    """Landed rows by id, marked deleted at the given moments; what never landed is left out."""
    records = landed.records(
        table, "workspace_id = %s and id = any(%s) and not coalesce(is_deleted, false)", workspace, list(gone)
    )
    return to_arrow(
        table,
        records,
        quarantine=run.quarantine,
        extra={
            "workspace_id": workspace,
            "is_deleted": True,
            "deleted_at": PerRecord([gone[record["id"]] for record in records]),
        },
    )


class _EntryReading:
    """One run's reading of one workspace's time entries, from the state of the last run to the state of the next.

    State, committed with the rows: `read_at` start of the last reading, `finished_at` its end, `looked_back_at` and
    `swept_at` when the windows were last read, `watched` ids to ask for by name next time (running timers, and entries
    so new that the feed of deletions could not tell of their deletion).
    """

    def __init__(
        self,
        api: ClockifyApi,
        workspace: str,
        run: _Run,
        look_back: timedelta,
        sweep_every: timedelta,
        state: dict[str, Any] | None,
    ) -> None:
        self._api = api
        self._workspace = workspace
        self._run = run
        self._look_back = look_back
        self._sweep_every = sweep_every
        self._state = state or {}
        self._now = run.started_at
        self._seen: set[str] = set()
        self._watch: set[str] = set()
        self.new_state: dict[str, Any] = {}

    def batches(self) -> Iterator[pa.Table]:
        """Yield what changed, as typed batches; afterwards `new_state` is what the next run starts from."""
        read_at, swept_at = self._moment("read_at"), self._moment("swept_at")
        looked_back_at = self._moment("looked_back_at")
        known = bool(landed.rows(TIME_ENTRIES, ["1"], "workspace_id = %s limit 1", self._workspace))
        is_sweep = (
            read_at is None
            or swept_at is None
            or self._now - swept_at >= self._sweep_every
            or self._now - read_at >= _FEED_REACH
            or not known
        )
        if is_sweep or read_at is None:
            yield from self._window(None)
            swept_at = looked_back_at = self._now
        else:
            told = yield from self._changes(read_at)
            if not told or looked_back_at is None or self._now - looked_back_at >= _LOOK_BACK_EVERY:
                yield from self._window(self._now - self._look_back)
                looked_back_at = self._now
        yield from self._watched()
        self.new_state = {
            "read_at": self._now.isoformat(),
            "finished_at": datetime.now(UTC).isoformat(),
            "swept_at": swept_at.isoformat() if swept_at else None,
            "looked_back_at": looked_back_at.isoformat() if looked_back_at else None,
            "watched": sorted(self._watch),
        }

    def _moment(self, name: str) -> datetime | None:
        text = self._state.get(name)
        return datetime.fromisoformat(text) if text else None

    # The whole history or a window of it -------------------------------------------------------------------------

    def _window(self, start: datetime | None) -> Iterator[pa.Table]:
        """Read every member's entries from `start` on, then settle what is known there and did not come."""
        readable: list[str] = []
        pending: list[Entity] = []
        members = [str(user["id"]) for user in self._run.users(self._api, self._workspace) if user.get("id")]
        refusal: SourceError | None = None
        for user in members:
            try:
                for rows in self._api.entries(self._workspace, user, start):
                    pending += rows
                    if len(pending) >= _ROWS_PER_BATCH:
                        yield self._alive(pending)
                        pending = []
            except (VendorError, CredentialError) as failure:
                # One member whose entries may no longer be read must not hide the others; theirs stay.
                logger.warning("%s; the entries of this member stay as they are", failure)
                refusal = failure
            else:
                readable.append(user)
        if refusal is not None and not readable:
            raise refusal
        if pending:
            yield self._alive(pending)
        condition = "workspace_id = %s and user_id = any(%s) and not coalesce(is_deleted, false)"
        values: list[Any] = [self._workspace, readable]
        if start is not None:
            condition += " and start_time >= %s"
            values.append(start)
        known = [row[0] for row in landed.rows(TIME_ENTRIES, ["id"], condition, *values)]
        yield from self._settle({entry_id: self._now for entry_id in known if entry_id not in self._seen})

    # The change feeds --------------------------------------------------------------------------------------------

    def _changes(self, read_at: datetime) -> Any:
        """Read what the feeds tell since the last run; returns whether there are feeds at all."""
        start, end = read_at - _OVERLAP, self._now + timedelta(days=1)
        created = self._api.feed(self._workspace, "created", start, end)
        updated = self._api.feed(self._workspace, "updated", start, end) if created is not None else None
        deleted = self._api.feed(self._workspace, "deleted", start, end) if updated is not None else None
        if created is None or updated is None or deleted is None:
            logger.warning(
                "clockify: workspace %s has no change feeds, so the last %d days are read again instead",
                self._workspace,
                self._look_back.days,
            )
            return False
        # What was created and deleted within one window is told nowhere: a second window begins where the last run
        # ended, and what is too new even for that is asked for by name next time.
        finished_at = self._moment("finished_at") or read_at
        deleted += self._api.feed(self._workspace, "deleted", finished_at, end) or []
        for row in created:
            if (moment := _audit_moment(row)) is not None and moment >= self._now - _OVERLAP and row.get("id"):
                self._watch.add(str(row["id"]))
        gone: dict[str, datetime] = {}
        for row in deleted:
            document = row.get("document")
            entry_id = row.get("id") or (document.get("id") if isinstance(document, dict) else None)
            if entry_id:
                gone[str(entry_id)] = _moment_or(row.get("deletedAt"), self._now)
        # Deletions first: what was edited and then deleted may be told by both feeds, what was restored as well.
        yield from self._settle(gone)
        changed: list[Entity] = []
        for row in [*created, *updated]:
            entry = {key: value for key, value in row.items() if key not in _FEED_KEYS}
            if entry.keys() >= _ENTRY_KEYS:
                changed.append(entry)
            elif row.get("id") and (read := self._api.entry(self._workspace, str(row["id"]))) is not None:
                changed.append(read)
        if changed:
            yield self._alive(changed)
        return True

    # Single entries ----------------------------------------------------------------------------------------------

    def _watched(self) -> Iterator[pa.Table]:
        """Running timers, and the entries that the last run left to be watched."""
        running = self._api.running(self._workspace)
        if running:
            yield self._alive([entry for entry in running if entry.get("id") not in self._seen])
        left = [entry_id for entry_id in self._state.get("watched", []) if entry_id not in self._seen]
        yield from self._settle(dict.fromkeys(left, self._now))

    def _settle(self, suspects: dict[str, datetime]) -> Iterator[pa.Table]:
        """Ask for each suspect by name: one that is there is landed, one that is gone is marked deleted."""
        alive: list[Entity] = []
        gone: dict[str, datetime] = {}
        if not suspects:
            return
        condition = "workspace_id = %s and id = any(%s) and not coalesce(is_deleted, false)"
        for (entry_id,) in landed.rows(TIME_ENTRIES, ["id"], condition, self._workspace, list(suspects)):
            moment = suspects[entry_id]
            entry = self._api.entry(self._workspace, entry_id)
            if entry is None:
                gone[entry_id] = moment
            else:
                alive.append(entry)
        if alive:
            yield self._alive(alive)
        if gone:
            logger.info("clockify: %d time entries are gone from workspace %s", len(gone), self._workspace)
            yield _marked_deleted(TIME_ENTRIES, self._workspace, gone, self._run)
            self._seen |= gone.keys()
            self._watch -= gone.keys()

    def _alive(self, entries: Iterable[Entity]) -> pa.Table:
        """Type entries as the vendor has them now, each once a run, and note which of them must be watched."""
        known = set(self._seen)
        rows = [row for row in entries if not isinstance(row, dict) or row.get("id") not in known]
        for row in rows:
            if not isinstance(row, dict) or not isinstance(row.get("id"), str):
                continue
            self._seen.add(row["id"])
            interval = row.get("timeInterval")
            is_running = isinstance(interval, dict) and interval.get("end") is None
            made = created_at(row["id"])
            if is_running or (made is not None and made >= self._now - _OVERLAP):
                self._watch.add(row["id"])
        return to_arrow(
            TIME_ENTRIES, rows, quarantine=self._run.quarantine, extra={"workspace_id": self._workspace, **_ALIVE}
        )


def _default_currency(workspace: Entity) -> str | None:
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
