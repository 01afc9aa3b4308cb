"""Conversion of a vendor's records into typed Arrow tables.

Empty text and null are the same; a record that does not fit is set aside with its reason and the rest lands.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from sources.kit.table import NUMERIC_PRECISION, NUMERIC_SCALE, Column, Kind, Record, Table
from sources.kit.text import clean_text, dump_json

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


class _NoPandas:
    """An entry of `sys.meta_path` that says that there is no pandas."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _make_an_array_without_pandas() -> None:
    """Keep pyarrow from importing pandas with the first array of the process, half as long as `import dagster`.

    It looks for pandas once, to tell whether it is given a series, which no source gives it.
    """
    if "pandas" not in sys.modules:
        finder = _NoPandas()
        sys.meta_path.insert(0, finder)
        try:
            pa.array([])
        finally:
            sys.meta_path.remove(finder)


_make_an_array_without_pandas()


class _JsonAsTextFilter(logging.Filter):
    """Drops dlt's warning that a table's hints differ from Arrow's: JSON columns are text in Arrow on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "when merging arrow schema with dlt schema" not in str(record.msg)


logging.getLogger("dlt").addFilter(_JsonAsTextFilter())


@dataclass(frozen=True)
class PerRecord:
    """Values for one added column, one for each record and in the records' order."""

    values: Sequence[Any]


class Rejections(Protocol):
    """Where records that do not fit go; `sources.kit.quarantine.Quarantine` is the one that lands them."""

    found_at: datetime

    def reject(self, table: Table, record: Any, reason: str) -> None:
        """Set one record aside, with a reason in one sentence."""

    def accept(self, table: Table, count: int) -> None:
        """Count records that fit."""

    def without_namesakes(self, table: Table, batch: pa.Table) -> pa.Table:
        """Set aside rows whose key another object has; the rest."""


def arrow_schema(table: Table) -> pa.Schema:
    """Return Arrow's schema of a table, technical columns included."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW_TYPES[column.kind], nullable=not table.is_required(column))
            for column in table.all_columns
        ]
    )


def empty(table: Table) -> pa.Table:
    """Return a table without rows: yielding it makes dlt create the table."""
    return arrow_schema(table).empty_table()


def to_arrow(
    table: Table,
    records: Sequence[Record],
    *,
    quarantine: Rejections,
    extra: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Turn vendor records into one typed Arrow table; records that do not fit go to `quarantine`.

    Columns named in `extra` take its value (one for all records, or a `PerRecord`) instead of the record's. Of records
    with one key the last one counts, because shifting pages repeat a record, with its newer state last; of two objects
    with one key (`Table.identity`) the first.
    """
    added = dict(extra or {})
    usable: Sequence[Record] = records
    if not all(isinstance(record, Mapping) for record in records):
        usable, added = _only_objects(table, records, added, quarantine)
    try:
        batch = _convert(table, usable, added, quarantine.found_at)
    except (ValueError, TypeError, AttributeError, OverflowError, pa.ArrowException):
        # Not swallowed: the careful pass finds the same value and names it.
        batch = _convert_carefully(table, usable, added, quarantine)
    if table.identity:
        batch = quarantine.without_namesakes(table, batch)
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


def value_at(record: Any, path: str) -> Any:
    """The value at a dotted path, null where any step is; raises `TypeError` where a step is no object."""
    value = record
    for key in path.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise TypeError(f"{path} is not reachable")
        value = value.get(key)
    return value


def _only_objects(
    table: Table, records: Sequence[Any], added: dict[str, Any], quarantine: Rejections
) -> tuple[list[Record], dict[str, Any]]:
    """Quarantine records that are not JSON objects."""
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
    table: Table, records: Sequence[Record], added: dict[str, Any], quarantine: Rejections
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
            value = added[column.name] if column.name in added else value_at(record, path)
            typed = _PARSERS[column.kind](value)
        except (ValueError, TypeError, OverflowError, InvalidOperation):
            return f"{path} is no {column.kind}: {dump_json(value)[:200]}"
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
    texts = [dump_json(record) for record in records]
    if table.keeps_record:
        arrays.append(pa.array(texts, pa.string()))
    arrays.append(pa.array(_hashes(table, texts, added), pa.string()))
    arrays.append(pa.array([loaded_at] * count, _ARROW_TYPES["timestamp"]))
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table))


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
    base = hashlib.blake2b((shape + dump_json(constant)).encode(), digest_size=16)
    varying = {name: value.values for name, value in added.items() if isinstance(value, PerRecord)}
    hashes = []
    for position, text in enumerate(texts):
        digest = base.copy()
        digest.update(text.encode())
        if varying:
            digest.update(dump_json({name: values[position] for name, values in varying.items()}).encode())
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
    # With an explicit integer type Arrow silently cuts 1.5 to 1; with an inferred type the cast fails.
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
    return pa.array([None if value is None else dump_json(value) for value in values], pa.string())


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
    return None if value is None else dump_json(value)


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
