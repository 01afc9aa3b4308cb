"""Vendor records become typed Arrow tables here, and what does not fit becomes quarantine. No vendor is known here.

Rules that hold for every raw table (design, 1 and model, 2): one vendor object is one row; its whole object stays
beside the typed columns as `record`; empty text and null are the same; a record that does not fit is set aside with its
reason and the rest lands; a row whose `row_hash` is unchanged is not written again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import dlt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from sources.errors import SourceError

Kind = Literal["text", "bigint", "boolean", "timestamp", "date", "numeric", "double", "json"]
Record = Mapping[str, Any]

# numeric(38,18): twenty digits before the point, and every decimal that a JSON double can print for sums of money.
NUMERIC_PRECISION, NUMERIC_SCALE = 38, 18

_ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "numeric": pa.decimal128(NUMERIC_PRECISION, NUMERIC_SCALE),
    "double": pa.float64(),
    "json": pa.string(),
}
_DLT_TYPES: dict[Kind, str] = {
    "text": "text",
    "bigint": "bigint",
    "boolean": "bool",
    "timestamp": "timestamp",
    "date": "date",
    "numeric": "decimal",
    "double": "double",
    "json": "json",
}
_LONGEST_QUARANTINED_RECORD = 100_000
_ALARMING_REJECTIONS = 20


class _JsonIsMeantToTravelAsText(logging.Filter):
    """Takes dlt's warning out that a table's hints differ from Arrow's: for json columns they do, on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "when merging arrow schema with dlt schema" not in str(record.msg)


logging.getLogger("dlt").addFilter(_JsonIsMeantToTravelAsText())


@dataclass(frozen=True)
class Column:
    """One typed column of a raw table.

    `path` is the dotted key in the vendor's object (empty: the column's own name). A record without a `required`
    column's value is quarantined.
    """

    name: str
    kind: Kind
    description: str
    path: str = ""
    required: bool = False


RECORD = Column("record", "json", "The whole object as the vendor sent it.")
ROW_HASH = Column("row_hash", "text", "Hash of the record and its added columns; an equal hash is not written again.")
LOADED_AT = Column("loaded_at", "timestamp", "Start of the run that last wrote the row, UTC.")


@dataclass(frozen=True)
class PerRecord:
    """Values for one added column, one for each record and in the records' order."""

    values: Sequence[Any]


@dataclass(frozen=True)
class Table:
    """A raw table: its name (also the resource's, the asset's and the dbt source table's), key and typed columns.

    `keeps_record` says whether the technical column `record` stands beside `row_hash` and `loaded_at`; `mirrors` says
    that a load hands over the whole table and that rows absent from it vanish.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    keeps_record: bool = True
    mirrors: bool = False

    def __post_init__(self) -> None:
        """Refuse a key that is no column and a column that is declared twice."""
        names = [column.name for column in self.columns]
        if missing := set(self.key) - set(names):
            raise ValueError(f"table {self.name}: key columns {sorted(missing)} are not declared")
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name}: a column is declared twice")

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The declared columns followed by the technical ones."""
        technical = (RECORD, ROW_HASH, LOADED_AT) if self.keeps_record else (ROW_HASH, LOADED_AT)
        return self.columns + technical

    def arrow_schema(self) -> pa.Schema:
        """Arrow's schema of the table, technical columns included."""
        return pa.schema(
            [
                pa.field(column.name, _ARROW_TYPES[column.kind], nullable=not self._must_be_there(column))
                for column in self.all_columns
            ]
        )

    def _must_be_there(self, column: Column) -> bool:
        return column.name in self.key or column.required or column is ROW_HASH

    def empty(self) -> pa.Table:
        """The table without rows: yielding it makes dlt create the table."""
        return self.arrow_schema().empty_table()

    def dlt_columns(self) -> dict[str, dict[str, Any]]:
        """dlt's column hints: types and nullability.

        No descriptions: dlt shows them to nobody, but writes all of its schema out several times in every run.
        """
        hints: dict[str, dict[str, Any]] = {}
        for column in self.all_columns:
            hint: dict[str, Any] = {
                "name": column.name,
                "data_type": _DLT_TYPES[column.kind],
                "nullable": not self._must_be_there(column),
            }
            if self.key == (column.name,) and not self.mirrors:
                # Its index is what finds the few changed rows of a later run among all the others.
                hint["unique"] = True
            if column.kind == "numeric":
                hint |= {"precision": NUMERIC_PRECISION, "scale": NUMERIC_SCALE}
            hints[column.name] = hint
        return hints

    def dlt_hints(self) -> dict[str, Any]:
        """Arguments for `@dlt.resource`: an upsert by key that leaves rows of an equal `row_hash` untouched."""
        return {
            "name": self.name,
            "primary_key": list(self.key),
            "columns": self.dlt_columns(),
            "write_disposition": {
                "disposition": "merge",
                "strategy": "cdc" if self.mirrors else "upsert",
                "skip_unchanged_rows": True,
                "row_version_column_name": ROW_HASH.name,
            },
            "file_format": "csv",
        }


QUARANTINE = Table(
    name="quarantined_records",
    description="Records that the vendor sent and that did not fit their table, each with the reason.",
    key=("quarantine_id",),
    columns=(
        Column("quarantine_id", "text", "Hash of table, reason and record."),
        Column("table_name", "text", "The raw table that the record was meant for.", required=True),
        Column("native_id", "text", "The record's key as far as it could be read."),
        Column("reason", "text", "What does not fit, in one sentence.", required=True),
        Column("rejected_record", "text", "The record's JSON text, cut at 100,000 characters.", path="record"),
        Column("found_at", "timestamp", "Start of the run that first found it, UTC."),
    ),
    keeps_record=False,
)


@dataclass
class Quarantine:
    """The rejected records of one source run.

    A resource ends with `yield from quarantine.flush()`, which lands what it rejected; `quarantine.resource()` declares
    the table itself, so that it exists without rejections too.
    """

    source: str
    found_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    accepted: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    _first_reasons: dict[str, str] = field(default_factory=dict)
    _pending: dict[str, dict[str, Any]] = field(default_factory=dict)

    def reject(self, table: Table, record: Any, reason: str) -> None:
        """Set one record aside, with a reason in one sentence."""
        text = clean_text(_dump(record))[:_LONGEST_QUARANTINED_RECORD]
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
        batch = pa.table(arrays, schema=QUARANTINE.arrow_schema())
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

    def resource(self) -> Any:
        """The resource `quarantined_records`: creates the table; rows arrive by `flush` of the other resources."""

        @dlt.resource(**QUARANTINE.dlt_hints())
        def quarantined_records() -> Iterator[Any]:
            yield QUARANTINE.empty()
            yield from self.flush()

        return quarantined_records


def to_arrow(
    table: Table,
    records: Sequence[Record],
    *,
    quarantine: Quarantine,
    extra: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Turn vendor records into one typed Arrow table; records that do not fit go to `quarantine`.

    Columns named in `extra` take its value (one for all records, or a `PerRecord`) instead of the record's. Of records
    with one key the last one counts, because a page drift repeats a record with its newer state last.
    """
    added = dict(extra or {})
    usable: Sequence[Record] = records
    if not all(isinstance(record, Mapping) for record in records):
        usable, added = _only_objects(table, records, added, quarantine)
    try:
        batch = _convert(table, usable, added, quarantine.found_at)
    except (ValueError, TypeError, AttributeError, OverflowError, pa.ArrowException):
        # Not swallowed: the careful pass meets the same value again and names it.
        batch = _convert_carefully(table, usable, added, quarantine)
    batch = last_of_each_key(table, batch)
    quarantine.accept(table, batch.num_rows)
    return batch


def last_of_each_key(table: Table, batch: pa.Table) -> pa.Table:
    """Keep the last row of every key: Postgres' MERGE refuses a batch that touches one row twice."""
    columns = [batch.column(name).to_pylist() for name in table.key]
    keys: Sequence[Any] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
    last = {key: position for position, key in enumerate(keys)}
    if len(last) == len(keys):
        return batch
    return batch.take(pa.array(sorted(last.values()), pa.int64()))


def clean_text(text: str) -> str:
    """`text` without what Postgres refuses: NUL characters go, lone surrogates become question marks."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def dump_json(value: Any) -> str:
    """JSON text with sorted keys that Postgres' jsonb takes: exact decimals, no NUL, no lone surrogates."""
    return _dump(value)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _path_of(table: Table, name: str) -> str:
    return next((column.path or column.name for column in table.columns if column.name == name), name)


def _get(record: Any, path: str) -> Any:
    """The value at a dotted path, null where any step is; raises `TypeError` where a step is no object."""
    value = record
    for key in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise TypeError(f"{path} is not reachable")
        value = value.get(key)
    return value


def _native_id(table: Table, record: Any) -> str:
    parts: list[str] = []
    for name in table.key:
        try:
            value = _get(record, _path_of(table, name))
        except TypeError:
            continue
        if value is not None:
            parts.append(str(value))
    return ":".join(parts)


def _plain_decimal(value: Any) -> Any:
    """orjson's hook for what it does not know: a decimal keeps its digits as a JSON number."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value)) if value.is_finite() else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _dump(value: Any) -> str:
    try:
        text = orjson.dumps(value, default=_plain_decimal, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        # Lone surrogates, integers beyond 64 bits: rare, so the standard library's pace will do.
        return json.dumps(_cleaned(value), sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" in text:
        return orjson.dumps(_cleaned(value), default=_plain_decimal, option=orjson.OPT_SORT_KEYS).decode()
    return text


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def _only_objects(
    table: Table, records: Sequence[Any], added: dict[str, Any], quarantine: Quarantine
) -> tuple[list[Record], dict[str, Any]]:
    """Quarantine what is no JSON object."""
    keep = [position for position, record in enumerate(records) if isinstance(record, Mapping)]
    for record in records:
        if not isinstance(record, Mapping):
            quarantine.reject(table, record, f"the record is no object but {type(record).__name__}")
    return [records[position] for position in keep], _select(added, keep)


def _select(added: Mapping[str, Any], keep: Sequence[int]) -> dict[str, Any]:
    return {
        name: PerRecord([value.values[position] for position in keep]) if isinstance(value, PerRecord) else value
        for name, value in added.items()
    }


def _convert_carefully(
    table: Table, records: Sequence[Record], added: dict[str, Any], quarantine: Quarantine
) -> pa.Table:
    """Find the records that do not fit, one column and one value at a time, and convert the rest."""
    keep: list[int] = []
    for position, record in enumerate(records):
        reason = _misfit(table, record, {name: _at(value, position) for name, value in added.items()})
        if reason:
            quarantine.reject(table, record, reason)
        else:
            keep.append(position)
    kept = [records[position] for position in keep]
    return _convert(table, kept, _select(added, keep), quarantine.found_at, careful=True)


def _at(value: Any, position: int) -> Any:
    return value.values[position] if isinstance(value, PerRecord) else value


def _misfit(table: Table, record: Record, added: Mapping[str, Any]) -> str | None:
    for column in table.columns:
        path = column.path or column.name
        value: Any = record
        try:
            value = added[column.name] if column.name in added else _get(record, path)
            typed = _PARSERS[column.kind](value)
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            return f"{path} is no {column.kind}: {_dump(value)[:200]}"
        if typed is None and (column.required or column.name in table.key):
            return f"{path} is missing"
    return None


def _convert(
    table: Table, records: Sequence[Record], added: Mapping[str, Any], loaded_at: datetime, *, careful: bool = False
) -> pa.Table:
    """Convert column by column; raises when any value does not fit (`careful`: after having tried value by value)."""
    arrays: list[pa.Array] = []
    count = len(records)
    for column in table.columns:
        if column.name in added:
            value = added[column.name]
            values = list(value.values) if isinstance(value, PerRecord) else [value] * count
            if len(values) != count:
                raise ValueError(f"{table.name}.{column.name}: {len(values)} added values for {count} records")
        else:
            values = _extract(records, column.path or column.name)
        array = _careful_array(column, values) if careful else _CONVERTERS[column.kind](values)
        if array.null_count and (column.required or column.name in table.key):
            raise ValueError(f"{column.name} is missing")
        arrays.append(array)
    texts = [_dump(record) for record in records]
    if table.keeps_record:
        arrays.append(pa.array(texts, pa.string()))
    arrays.append(pa.array(_hashes(table, texts, added), pa.string()))
    arrays.append(pa.array([loaded_at] * count, _ARROW_TYPES["timestamp"]))
    return pa.Table.from_arrays(arrays, schema=table.arrow_schema())


def _extract(records: Sequence[Record], path: str) -> list[Any]:
    first, *rest = path.split(".")
    values = [record.get(first) for record in records]
    for key in rest:
        values = [None if value is None else value.get(key) for value in values]
    return values


def _hashes(table: Table, texts: Sequence[str], added: Mapping[str, Any]) -> list[str]:
    # The columns' own declaration is part of the hash: a column that a later version adds gets filled on the next read.
    shape = repr([(column.name, column.kind, column.path) for column in table.columns])
    constant = {name: value for name, value in added.items() if not isinstance(value, PerRecord)}
    base = hashlib.blake2b((shape + _dump(constant)).encode(), digest_size=16)
    varying = {name: value.values for name, value in added.items() if isinstance(value, PerRecord)}
    hashes = []
    for position, text in enumerate(texts):
        digest = base.copy()
        digest.update(text.encode())
        if varying:
            digest.update(_dump({name: values[position] for name, values in varying.items()}).encode())
        hashes.append(digest.hexdigest())
    return hashes


# Whole columns, fast. Each raises on the first value that does not fit; `_careful_array` then goes value by value.


def _text_array(values: Sequence[Any]) -> pa.Array:
    array = pa.array(values, pa.string())
    if pc.any(pc.equal(array, "")).as_py():
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)
    if pc.any(pc.match_substring(array, "\x00")).as_py():
        return pa.array([_parse_text(value) for value in values], pa.string())
    return array


def _bigint_array(values: Sequence[Any]) -> pa.Array:
    # Told to make integers, Arrow cuts 1.5 to 1 without a word; left to infer, it shows what is there.
    array = pa.array(values)
    if not (pa.types.is_integer(array.type) or pa.types.is_null(array.type)):
        raise ValueError("not all integers")
    return pc.cast(array, pa.int64())


def _boolean_array(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.bool_())


def _double_array(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.float64())


def _timestamp_array(values: Sequence[Any]) -> pa.Array:
    if values and isinstance(values[0], datetime):
        if any(value is not None and value.tzinfo is None for value in values):
            raise ValueError("no time zone")
        return pa.array(values, _ARROW_TYPES["timestamp"])
    return pc.cast(_text_array(values), _ARROW_TYPES["timestamp"])


def _date_array(values: Sequence[Any]) -> pa.Array:
    if values and type(values[0]) is date and not any(isinstance(value, datetime) for value in values):
        return pa.array(values, pa.date32())
    return pc.cast(_text_array(values), pa.date32())


def _numeric_array(values: Sequence[Any]) -> pa.Array:
    texts = [None if value is None else str(value) for value in values]
    return pc.cast(_text_array(texts), _ARROW_TYPES["numeric"])


def _json_array(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _dump(value) for value in values], pa.string())


_CONVERTERS: dict[Kind, Callable[[Sequence[Any]], pa.Array]] = {
    "text": _text_array,
    "bigint": _bigint_array,
    "boolean": _boolean_array,
    "timestamp": _timestamp_array,
    "date": _date_array,
    "numeric": _numeric_array,
    "double": _double_array,
    "json": _json_array,
}


def _careful_array(column: Column, values: Sequence[Any]) -> pa.Array:
    return pa.array([_PARSERS[column.kind](value) for value in values], _ARROW_TYPES[column.kind])


# Single values. Each returns None for null and empty text, and raises for what does not fit.


def _parse_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError("not text")
    return clean_text(str(value)) or None


def _parse_bigint(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise TypeError("not an integer")
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value.strip()):
        raise ValueError("not an integer")
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError("not an integer")
    if not -(2**63) <= number < 2**63:
        raise OverflowError("beyond 64 bits")
    return number


def _parse_boolean(value: Any) -> bool | None:
    if value is None or value == "":
        return None
    if not isinstance(value, bool):
        raise TypeError("not a boolean")
    return value


def _parse_double(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise TypeError("not a number")
    return float(value)


def _parse_timestamp(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value.strip())
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(UTC)


def _parse_date(value: Any) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        raise TypeError("a moment, not a date")
    return value if isinstance(value, date) else date.fromisoformat(value.strip())


def _parse_numeric(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise TypeError("not a number")
    number = Decimal(str(value).strip())
    if not number.is_finite():
        raise ValueError("not a finite number")
    # Raises by itself when the number has more digits than the column keeps.
    pa.scalar(number, _ARROW_TYPES["numeric"])
    return number


def _parse_json(value: Any) -> str | None:
    return None if value is None else _dump(value)


_PARSERS: dict[Kind, Callable[[Any], Any]] = {
    "text": _parse_text,
    "bigint": _parse_bigint,
    "boolean": _parse_boolean,
    "timestamp": _parse_timestamp,
    "date": _parse_date,
    "numeric": _parse_numeric,
    "double": _parse_double,
    "json": _parse_json,
}
