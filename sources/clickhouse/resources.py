"""The dlt source of the ClickHouse mirror: one resource for each mirror table, read as it is.

The mirror keeps no history and reports no deletions, and old rows change late (n8n runs every 15 minutes over whatever
it finds). So ClickHouse hashes each window of a table at every run; windows whose hash differs from the last run's are
read whole, and rows that landed from such a window before may be missing from it. Of work and issues the mirror is the
only record, so a row that two looks in a row lack is deleted. Applications, customers and contacts are agreements that
are in the pipeline, of which the mirror is a copy: what it lacks is not visible, and deleted only where it says so.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import dlt

from sources.clickhouse.client import MirrorReader, Shape, Windows
from sources.clickhouse.schema import MIRRORS, WORKLOGS, Mirror
from sources.kit import landed
from sources.kit.account import address_of, hold_account
from sources.kit.arrow import PerRecord, to_arrow
from sources.kit.census import PRESENT, Census, accepts_loss, refuse_loss
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.run import PerRun
from sources.kit.table import Record, Table
from sources.kit.text import decode_json
from sources.kit.walk import Spool

logger = logging.getLogger(__name__)

_ROWS_PER_QUERY = 50_000
_CHECK = "check the pipeline that fills the mirror"


@dlt.source(name="clickhouse", section="clickhouse", max_table_nesting=0)
def clickhouse() -> Any:
    """The five mirror tables.

    Settings (`SOURCES__CLICKHOUSE__…`): `DSN`, for instance `clickhouse://user:password@host:8123/` or `chdb:///folder`;
    `TIMEOUT_SECONDS` of a query.
    """
    runs = PerRun(lambda: Quarantine("clickhouse", datetime.now(UTC)))

    def mirrored(mirror: Mirror) -> Any:
        @dlt.resource(**mirror.table.dlt_hints())
        def rows(dsn: str = dlt.secrets.value, timeout_seconds: float = 15.0) -> Iterator[Any]:
            quarantine = runs()
            state = dlt.current.resource_state()
            server = "embedded-engine" if dsn.startswith("chdb:") else address_of(dsn)
            hold_account("clickhouse", "server", {server: server}, dict)
            yield from declare(mirror.table)
            reader = MirrorReader(dsn, timeout_seconds=timeout_seconds)
            try:
                spool, windows = _changes(mirror, reader, quarantine, state.get("windows"))
            finally:
                reader.close()
            yield from spool.load(alone=True)
            if windows is not None:
                state["windows"] = windows
            yield from quarantine.flush()

        return rows

    return (*(mirrored(mirror) for mirror in MIRRORS), quarantined_records())


def _changes(
    mirror: Mirror, reader: MirrorReader, quarantine: Quarantine, before: dict[str, Any] | None
) -> tuple[Spool, dict[str, Any] | None]:
    """What differs from the last run, and the windows' hashes to compare with next time (None: keep the old ones)."""
    spool = Spool(mirror.table)
    shape = reader.shape(mirror)
    if shape is None:
        logger.warning("clickhouse: there is no table %s, so nothing of it is read", mirror.place)
        return spool, None
    has_landed = bool(landed.rows(mirror.table, ["1"], "not is_deleted limit 1"))
    # A window that is no longer known is read again, and its rows are looked at again.
    is_known = has_landed and not accepts_loss("clickhouse")
    known: Windows = {name: (row[0], row[1]) for name, row in (before or {}).items()} if is_known else {}
    now = reader.windows(mirror, shape)
    changed = sorted(name for name, content in now.items() if known.get(name) != content)
    vanished = sorted(known.keys() - now.keys())
    seen: set[str] = set()
    for part in _portions(changed, now):
        _set_down(mirror, shape, reader.rows(mirror, shape, part), spool, quarantine, seen)
    moving: set[str] = set()
    if has_landed and (changed or vanished):
        if not known:
            landed_windows = landed.rows(mirror.table, [f"distinct {mirror.window_of}"]) if mirror.window_of else []
            vanished = sorted({window for (window,) in landed_windows} - now.keys())
        hash_again = partial(reader.windows, mirror, shape)
        moving = _mark_missing(mirror, hash_again, [*changed, *vanished], now, seen, spool, quarantine)
    # What moves is read again next time, whatever its hash is by then.
    return spool, {name: list(content) for name, content in now.items()} | {name: [0, ""] for name in moving}


def _portions(windows: list[str], sizes: Windows) -> Iterator[list[str]]:
    """Windows in groups that one query can read within its time and memory."""
    portion: list[str] = []
    rows = 0
    for window in windows:
        if portion and rows + sizes[window][0] > _ROWS_PER_QUERY:
            yield portion
            portion, rows = [], 0
        portion.append(window)
        rows += sizes[window][0]
    if portion:
        yield portion


def _set_down(
    mirror: Mirror, shape: Shape, records: list[dict[str, Any]], spool: Spool, quarantine: Quarantine, seen: set[str]
) -> None:
    """Type the rows of whole windows; a row's newest version comes last and counts."""
    if not records:
        return
    table = mirror.table
    marks = [bool(record.get(shape.deleted)) if shape.deleted else False for record in records]
    extra: dict[str, Any] = {
        **({} if table.not_visible == "" else PRESENT),
        "is_deleted": PerRecord(marks),
        "deleted_at": PerRecord([quarantine.found_at if mark else None for mark in marks]),
    }
    if table is WORKLOGS:
        extra |= _worklog_keys(shape, records)
    # What does not fit is there all the same: its landed row must not be taken for a deleted one.
    seen.update(map(str, extra["row_id"].values if table is WORKLOGS else (record[table.key[0]] for record in records)))
    spool.add(to_arrow(table, records, quarantine=quarantine, extra=extra | _truths(table, records)))


def _truths(table: Table, records: Sequence[Record]) -> dict[str, PerRecord]:
    """The table's own boolean columns; ClickHouse holds truth as 0 and 1 in older tables."""
    return {
        column.name: PerRecord([bool(value) if value in (0, 1) else value for value in values])
        for column in table.columns
        if column.kind == "boolean" and column.name != "is_deleted"
        for values in ([record.get(column.name) for record in records],)
    }


def _worklog_keys(shape: Shape, records: list[dict[str, Any]]) -> dict[str, PerRecord]:
    """Ids of worklogs: the mirror's own, else a hash of the row and its ordinal among equals (rule 1.14)."""
    counts: dict[str, int] = {}
    ordinals: list[int] = [0] * len(records)
    keys = [
        "|".join(
            str(record.get(name) if record.get(name) is not None else "").strip().lower()
            for name in ("account_id", "start_date", "issue_key", "project_label", "duration_seconds")
        )
        for record in records
    ]
    # Equal rows are numbered in an order of their own, so that the same rows get the same numbers at every read.
    for position in sorted(range(len(records)), key=lambda at: (keys[at], repr(sorted(records[at].items())))):
        counts[keys[position]] = counts.get(keys[position], 0) + 1
        ordinals[position] = counts[keys[position]]
    own = [record.get(shape.worklog_id) for record in records] if shape.worklog_id else [None] * len(records)
    ids = [
        str(worklog) if worklog not in (None, "") else hashlib.sha256(f"{key}|{ordinal}".encode()).hexdigest()[:32]
        for worklog, key, ordinal in zip(own, keys, ordinals, strict=True)
    ]
    return {
        "row_id": PerRecord(ids),
        "worklog_id": PerRecord([str(worklog) if worklog not in (None, "") else None for worklog in own]),
        "ordinal": PerRecord(ordinals),
    }


def _mark_missing(
    mirror: Mirror,
    hash_again: Callable[[], Windows],
    windows: list[str],
    before: Windows,
    seen: set[str],
    spool: Spool,
    quarantine: Quarantine,
) -> set[str]:
    """Mark what landed from the windows that were read and is in none of them any more.

    Returns the windows whose hash has changed since they were read: the pipeline is just filling them, so their rows
    are left alone.
    """
    table = mirror.table
    what = f"rows of {mirror.place}"
    if not mirror.is_record:
        for marked in Census(table, quarantine, what, check=_CHECK).marks(seen, partial(_truths, table)):
            spool.add(marked)
        return set()
    visible = landed.rows(table, ["count(*)"], "not is_deleted")[0][0]
    refuse_loss("clickhouse", what, visible - sum(count for count, _ in before.values()), visible, check=_CHECK)
    key = table.key[0]
    condition = f"not is_deleted and {mirror.window_of} = any(%s)"
    rows = landed.rows(table, (key, mirror.window_of), condition, windows)
    missing = {row: window for row, window in rows if row not in seen}
    if not missing:
        return set()
    after = hash_again()
    moving = {window for window in missing.values() if after.get(window) != before.get(window)}
    gone = sorted(row for row, window in missing.items() if window not in moving)
    logger.info("clickhouse: %d rows are gone from %s", len(gone), mirror.place)
    columns = [key, "record::text", *_ADDED.get(table.name, ())]
    spool.add(_deleted_rows(table, landed.rows(table, columns, f"{key} = any(%s)", gone), quarantine))
    return moving


_ADDED = {WORKLOGS.name: ("worklog_id", "ordinal")}


def _deleted_rows(table: Table, rows: list[tuple[Any, ...]], quarantine: Quarantine) -> Any:
    extra: dict[str, Any] = {"is_deleted": True, "deleted_at": quarantine.found_at}
    if table is WORKLOGS:
        extra |= {"row_id": PerRecord([row[0] for row in rows])}
        extra |= {name: PerRecord([row[2 + at] for row in rows]) for at, name in enumerate(_ADDED[table.name])}
    records = [decode_json(row[1].encode(), exact=True) for row in rows]
    return to_arrow(table, records, quarantine=quarantine, extra=extra | _truths(table, records))
