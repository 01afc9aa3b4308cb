"""What of a source has landed already, read through the running pipeline's own connection. Nothing is written here.

A vendor that does not say what was deleted can only be compared with what is known: a census needs the known ids, and a
row that is marked deleted keeps the record that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from sources.http import decode_json
from sources.tables import Table


def rows(table: Table, columns: Sequence[str], condition: str = "true", *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a landed table, empty when it does not exist yet or no pipeline runs.

    `condition` is SQL of our own over the table's columns with `%s` for each of `values`.
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
    """The vendor's objects of landed rows, exactly as they landed (decimals included)."""
    return [decode_json(text.encode(), exact=True) for (text,) in rows(table, ["record::text"], condition, *values)]


# Making one reads dlt's schema and configuration, so a pipeline's client is made once and opened as often as needed.
_clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _client(pipeline: Any) -> Any:
    if pipeline not in _clients:
        _clients[pipeline] = pipeline.sql_client()
    return _clients[pipeline]
