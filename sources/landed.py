"""What of a source has landed already, read through the running pipeline's own connection. Nothing is written here.

A vendor that does not say what was deleted can only be compared with what is known: a census needs the known ids, and a
row that is marked deleted keeps the record that it had.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from sources.http import decode_json
from sources.tables import Table

_LONGEST_SILENCE_SECONDS = 60


def rows(table: Table, columns: Sequence[str], condition: str = "true", *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a landed table, empty when it does not exist yet or no pipeline runs.

    `condition` is SQL of our own over the table's columns with `%s` for each of `values`.
    """
    context = Container()[PipelineContext]
    if not context.is_active():
        return []
    pipeline: Any = context.pipeline()
    if pipeline not in _connections:
        _connections[pipeline] = _Connection(pipeline.sql_client())
    client = _connections[pipeline].client()
    name = client.make_qualified_table_name(table.name)
    try:
        found = client.execute_sql(f"select {', '.join(columns)} from {name} where {condition}", *values)
    except DatabaseUndefinedRelation:
        return []
    return [tuple(row) for row in found or []]


def records(table: Table, condition: str, *values: Any) -> list[dict[str, Any]]:
    """The vendor's objects of landed rows, exactly as they landed (decimals included)."""
    return [decode_json(text.encode(), exact=True) for (text,) in rows(table, ["record::text"], condition, *values)]


def close() -> None:
    """Close the running pipeline's connection; the next look opens one."""
    context = Container()[PipelineContext]
    if context.is_active() and (connection := _connections.pop(context.pipeline(), None)):
        connection.close()


class _Connection:
    """One connection for all looks of a run: opening one costs more than what most of them ask."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._last_used: float | None = None

    def client(self) -> Any:
        """The open client. One that was silent while a vendor was read may have been cut off by what lies between."""
        now = time.monotonic()
        if self._last_used is not None and now - self._last_used > _LONGEST_SILENCE_SECONDS:
            self.close()
        if self._last_used is None:
            self._client.open_connection()
        self._last_used = now
        return self._client

    def close(self) -> None:
        self._client.close_connection()
        self._last_used = None


_connections: WeakKeyDictionary[Any, _Connection] = WeakKeyDictionary()
