"""The rows of one walk through a vendor's pages, kept on disk until the walk is whole. No vendor is known here.

A list that changes while it is read shows rows twice, and the newer state comes last; Postgres' MERGE refuses a load
that touches one row twice. So pages are set down first, and of every key the last row is handed on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from sources.tables import Table


class Spool:
    """Arrow batches of one table on disk; memory holds a number per key, whatever the rows weigh."""

    def __init__(self, table: Table) -> None:
        """Open a temporary file that vanishes with the spool."""
        self._table = table
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the spool
        self._writer = pa.ipc.new_stream(self._file, table.arrow_schema())
        self._last: dict[Any, int] = {}
        self._rows = 0

    def __len__(self) -> int:
        """Count the rows that will be handed on."""
        return len(self._last)

    def __contains__(self, key: object) -> bool:
        """Tell whether a row of this key (a tuple for compound keys) was set down."""
        return key in self._last

    def add(self, batch: pa.Table) -> None:
        """Set down one page."""
        if not batch.num_rows:
            return
        for position, key in enumerate(self._keys(batch), start=self._rows):
            self._last[key] = position
        self._rows += batch.num_rows
        self._writer.write_table(batch)

    def batches(self) -> Iterator[pa.Table]:
        """Hand on the last row of every key, page by page; nothing can be added afterwards."""
        self._writer.close()
        self._file.seek(0)
        position = 0
        for batch in pa.ipc.open_stream(self._file):
            page = pa.Table.from_batches([batch])
            if len(self._last) < self._rows:
                kept = [row for row, key in enumerate(self._keys(page)) if self._last[key] == position + row]
                page = page.take(pa.array(kept, pa.int64()))
            position += batch.num_rows
            if page.num_rows:
                yield page
        self._file.close()

    def _keys(self, batch: pa.Table) -> list[Any]:
        columns = [batch.column(name).to_pylist() for name in self._table.key]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
