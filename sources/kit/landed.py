"""Rows that have already landed, read through the running pipeline's own connection, and what differs from them.

A vendor that does not report deletions can only be compared with what has landed: a census needs the known ids, and a
row that is marked deleted keeps the record that it had.

Only rows that differ are handed to dlt. dlt leaves an unchanged row untouched too, but only after it has copied it into
a staging table; a run that hands dlt nothing writes no load package at all (measured: 0.1 s instead of 0.8 s for an
unchanged Tempo).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import dlt
import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from sources.kit.arrow import empty
from sources.kit.table import ROW_HASH, Table
from sources.kit.text import decode_json

_MOST_KEYS_PER_QUERY = 5000


def rows(table: Table, columns: Sequence[str], condition: str = "true", *values: Any) -> list[tuple[Any, ...]]:
    """Return rows of a landed table, none when it does not exist yet or no pipeline runs.

    `condition` is our own SQL over the table's columns with a `%s` for each of `values`.
    """
    context = Container()[PipelineContext]
    if not context.is_active():
        return []
    names = ", ".join(columns)
    with _client(context.pipeline()) as client:
        name = client.make_qualified_table_name(table.name)
        try:
            found = client.execute_sql(f"select {names} from {name} where {condition}", *values)
        except DatabaseUndefinedRelation:
            return []
    return [tuple(row) for row in found or []]


def records(table: Table, condition: str, *values: Any) -> list[dict[str, Any]]:
    """Return the vendor's objects of landed rows, exactly as they landed (decimals included)."""
    return [decode_json(text.encode(), exact=True) for (text,) in rows(table, ["record::text"], condition, *values)]


def declare(table: Table) -> Iterator[pa.Table]:
    """Yield the table without rows, so that dlt creates it, unless it already exists with all its columns."""
    known = dlt.current.source_schema().tables.get(table.name)
    if known is None or "x-normalizer" not in known or table.dlt_columns().keys() - known["columns"].keys():
        yield empty(table)


def differing(table: Table, batch: pa.Table, known: dict[Any, str] | None = None) -> pa.Table:
    """Return the rows of `batch` that are new or whose hash differs from the landed row's.

    `known` is what `landed_hashes` returned for these rows, for callers that compare several batches.
    """
    keys = keys_of(table, batch)
    if not keys:
        return batch
    known = landed_hashes(table, keys) if known is None else known
    hashes = batch.column(ROW_HASH.name).to_pylist()
    kept = [position for position, key in enumerate(keys) if known.get(key) != hashes[position]]
    return batch if len(kept) == len(keys) else batch.take(pa.array(kept, pa.int64()))


def landed_hashes(table: Table, keys: Collection[Any]) -> dict[Any, str]:
    """Return the hash of landed rows by key: at least of the rows with these keys."""
    return {key: values[0] for key, values in _landed_values(table, keys, (ROW_HASH.name,)).items()}


def landed_identities(table: Table, keys: Collection[Any]) -> dict[Any, tuple[Any, ...]]:
    """Return the identity columns of landed rows by key: at least of the rows with these keys."""
    return _landed_values(table, keys, table.identity)


def _landed_values(table: Table, keys: Collection[Any], columns: tuple[str, ...]) -> dict[Any, tuple[Any, ...]]:
    if not keys:
        return {}
    first, *others = table.key
    names = (*table.key, *columns)
    if len(keys) > _MOST_KEYS_PER_QUERY:
        found = rows(table, names)
    else:
        found = rows(table, names, f"{first} = any(%s)", [key[0] if others else key for key in keys])
    width = len(table.key)
    return {row[:width] if others else row[0]: row[width:] for row in found}


def keys_of(table: Table, batch: pa.Table) -> list[Any]:
    """Return the key of every row; a tuple where several columns form it."""
    columns = [batch.column(name).to_pylist() for name in table.key]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


# Making a client reads dlt's schema and configuration, so each pipeline has one, opened as often as needed.
_clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _client(pipeline: Any) -> Any:
    if pipeline not in _clients:
        _clients[pipeline] = pipeline.sql_client()
    return _clients[pipeline]
