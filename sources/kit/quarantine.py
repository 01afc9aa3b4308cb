"""Records that do not fit their table: set aside with a reason, counted, and landed in `quarantined_records`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dlt
import pyarrow as pa

from sources.kit.arrow import arrow_schema, value_at
from sources.kit.errors import SourceError
from sources.kit.landed import declare, keys_of, landed_identities
from sources.kit.table import LOADED_AT, QUARANTINE, RECORD, ROW_HASH, Table
from sources.kit.text import clean_text, decode_json, dump_json

_MAXIMUM_RECORD_LENGTH = 100_000
_ALARMING_REJECTIONS = 20


@dataclass
class Quarantine:
    """The rejected records of one run of a source.

    A resource ends with `yield from quarantine.flush()`, which lands what it rejected. The source also returns
    `quarantined_records()`, so that the table exists without rejections too.
    """

    source: str
    found_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    accepted: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    _first_reasons: dict[str, str] = field(default_factory=dict)
    _pending: dict[str, dict[str, Any]] = field(default_factory=dict)
    _identities: dict[str, dict[Any, tuple[Any, ...]]] = field(default_factory=dict)

    def reject(self, table: Table, record: Any, reason: str) -> None:
        """Set one record aside, with a reason in one sentence."""
        text = clean_text(dump_json(record))[:_MAXIMUM_RECORD_LENGTH]
        self.rejected[table.name] = self.rejected.get(table.name, 0) + 1
        self._first_reasons.setdefault(table.name, reason)
        quarantine_id = hashlib.blake2b(f"{table.name}\n{reason}\n{text}".encode(), digest_size=16).hexdigest()
        self._pending[quarantine_id] = {
            "quarantine_id": quarantine_id,
            "table_name": table.name,
            "native_id": clean_text(_native_id(table, record)),
            "reason": clean_text(reason),
            "rejected_record": text,
            "found_at": self.found_at,
        }

    def accept(self, table: Table, count: int) -> None:
        """Count records that fit."""
        self.accepted[table.name] = self.accepted.get(table.name, 0) + count

    def without_namesakes(self, table: Table, batch: pa.Table) -> pa.Table:
        """Set aside the rows whose key another object has, landed or met before in this run; return the rest.

        Loaded, they would take each other's place, or stop the load, because the key is unique in the warehouse.
        """
        known = self._identities.setdefault(table.name, {})
        keys = keys_of(table, batch)
        new = [key for key in keys if key not in known]
        known.update(landed_identities(table, new))
        columns = [batch.column(name).to_pylist() for name in table.identity]
        kept: list[int] = []
        for position, (key, identity) in enumerate(zip(keys, zip(*columns, strict=True), strict=True)):
            first = known.setdefault(key, identity)
            if first == identity:
                kept.append(position)
                continue
            record = decode_json(batch.column(RECORD.name)[position].as_py().encode(), exact=True)
            places = zip(table.identity, first, strict=True)
            self.reject(
                table,
                record,
                f"{' and '.join(table.key)} {key} is taken by the record with "
                f"{' and '.join(f'{name} {value}' for name, value in places)}; correct one of the two at the source",
            )
        return batch if len(kept) == len(keys) else batch.take(pa.array(kept, pa.int64()))

    def flush(self) -> Iterator[Any]:
        """Yield what was rejected since the last flush, as rows of `quarantined_records`.

        Raises `SourceError` when most records of a table do not fit: then the vendor changed its shape, and a load
        that looks empty would be worse than none.
        """
        for name, rejected in self.rejected.items():
            if rejected >= _ALARMING_REJECTIONS and rejected > self.accepted.get(name, 0):
                raise SourceError(
                    f"{self.source}: {rejected} of {rejected + self.accepted.get(name, 0)} records for {name} do not "
                    f"fit (first: {self._first_reasons[name]}), so nothing was loaded; the vendor may have changed "
                    "its answers"
                )
        if not self._pending:
            return
        rows = list(self._pending.values())
        self._pending = {}
        hints = QUARANTINE.dlt_hints()
        names = [column.name for column in QUARANTINE.columns]
        arrays = {name: [row[name] for row in rows] for name in names}
        arrays |= {ROW_HASH.name: arrays["quarantine_id"], LOADED_AT.name: arrays["found_at"]}
        batch = pa.table(arrays, schema=arrow_schema(QUARANTINE))
        # A variant starts from the resource's own columns and key; this first mark empties them.
        yield dlt.mark.with_hints(
            [], dlt.mark.make_hints(table_name=QUARANTINE.name, columns={}, primary_key=[]), create_table_variant=True
        )
        yield dlt.mark.with_hints(
            batch,
            dlt.mark.make_hints(
                table_name=QUARANTINE.name,
                primary_key=hints["primary_key"],
                columns=hints["columns"],
                write_disposition=hints["write_disposition"],
                file_format="csv",
            ),
            create_table_variant=True,
        )


def quarantined_records() -> Any:
    """Return the resource that creates the table; rows arrive by `Quarantine.flush` of the other resources."""

    @dlt.resource(**QUARANTINE.dlt_hints())
    def quarantined_records() -> Iterator[Any]:
        yield from declare(QUARANTINE)

    return quarantined_records


def _path_of(table: Table, name: str) -> str:
    return next((column.path or column.name for column in table.columns if column.name == name), name)


def _native_id(table: Table, record: Any) -> str:
    parts: list[str] = []
    for name in table.key:
        try:
            value = value_at(record, _path_of(table, name))
        except TypeError:
            continue
        if value is not None:
            parts.append(str(value))
    return ":".join(parts)
