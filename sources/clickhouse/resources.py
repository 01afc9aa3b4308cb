"""The dlt source of the ClickHouse mirror: one resource for each mirror table, read as it is.

The mirror keeps no history and reports no deletions, and old rows change late (n8n runs every 15 minutes over whatever
it finds). So ClickHouse hashes each window of a table at every run; windows whose hash differs from the last run's are
read whole, and rows that landed from such a window before and are no longer in it are marked deleted.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dlt

from sources.clickhouse.client import MirrorReader, Shape, Windows
from sources.clickhouse.schema import MIRRORS, WORKLOGS, Mirror
from sources.kit import landed
from sources.kit.arrow import PerRecord, to_arrow
from sources.kit.errors import SourceError
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.run import PerRun
from sources.kit.table import Table
from sources.kit.text import decode_json
from sources.kit.walk import Spool

logger = logging.getLogger(__name__)

_ROWS_PER_QUERY = 50_000
_ALARMING_LOSS = 20


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
    known: Windows = {name: (row[0], row[1]) for name, row in (before or {}).items()} if has_landed else {}
    now = reader.windows(mirror, shape)
    changed = sorted(name for name, content in now.items() if known.get(name) != content)
    vanished = sorted(known.keys() - now.keys())
    if not now and has_landed:
        _refuse_emptied(mirror)
    seen: set[str] = set()
    for part in _portions(changed, now):
        _set_down(mirror, shape, reader.rows(mirror, shape, part), spool, quarantine, seen)
    _mark_deleted(mirror, [*changed, *vanished], seen, spool, quarantine, everything=not known)
    return spool, {name: list(content) for name, content in now.items()}


def _refuse_emptied(mirror: Mirror) -> None:
    """A pipeline that empties its table before it fills it again must not look like a deletion of everything."""
    count = landed.rows(mirror.table, ["count(*)"], "not is_deleted")[0][0]
    if count >= _ALARMING_LOSS:
        raise SourceError(
            f"clickhouse: {mirror.place} is empty although {count:,} of its rows have landed, so nothing was changed; "
            "check the pipeline that fills the mirror"
        )


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
        "is_deleted": PerRecord(marks),
        "deleted_at": PerRecord([quarantine.found_at if mark else None for mark in marks]),
    }
    if table is WORKLOGS:
        extra |= _worklog_keys(shape, records)
    # What does not fit is there all the same: its landed row must not be taken for a deleted one.
    seen.update(map(str, extra["row_id"].values if table is WORKLOGS else (record[table.key[0]] for record in records)))
    spool.add(to_arrow(table, records, quarantine=quarantine, extra=extra | _truths(table, records)))


def _truths(table: Table, records: list[dict[str, Any]]) -> dict[str, PerRecord]:
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


def _mark_deleted(
    mirror: Mirror, windows: list[str], seen: set[str], spool: Spool, quarantine: Quarantine, *, everything: bool
) -> None:
    """Mark what landed from the windows that were read and is in none of them any more."""
    table = mirror.table
    key = table.key[0]
    if everything or not mirror.window_of:
        known = landed.rows(table, [key], "not is_deleted") if windows or everything else []
    else:
        known = landed.rows(table, [key], f"not is_deleted and {mirror.window_of} = any(%s)", windows)
    gone = sorted(str(row[0]) for row in known if str(row[0]) not in seen)
    if not gone:
        return
    logger.info("clickhouse: %d rows are gone from %s", len(gone), mirror.place)
    columns = [key, "record::text", *_ADDED.get(table.name, ())]
    rows = landed.rows(table, columns, f"{key} = any(%s)", gone)
    spool.add(_deleted_rows(table, rows, quarantine))


_ADDED = {WORKLOGS.name: ("worklog_id", "ordinal")}


def _deleted_rows(table: Table, rows: list[tuple[Any, ...]], quarantine: Quarantine) -> Any:
    extra: dict[str, Any] = {"is_deleted": True, "deleted_at": quarantine.found_at}
    if table is WORKLOGS:
        extra |= {"row_id": PerRecord([row[0] for row in rows])}
        extra |= {name: PerRecord([row[2 + at] for row in rows]) for at, name in enumerate(_ADDED[table.name])}
    records = [decode_json(row[1].encode(), exact=True) for row in rows]
    return to_arrow(table, records, quarantine=quarantine, extra=extra | _truths(table, records))
