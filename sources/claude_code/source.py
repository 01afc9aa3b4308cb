"""The dlt source of transcripts: configuration, cursors, and one resource per raw table. Reading is not done here.

Settings below `sources.claude_code`: `roots` (list of {path, host}), `base_folder` (where relative roots begin; default:
the working directory), `session_text` (redacted, none or full). What a run did stands in the custom metrics of resource
`files`, in the names of `files.Counts` plus `rows_<table>`:
`pipeline.last_trace.last_extract_info.metrics[load_id][0]["resource_metrics"]["files"].custom_metrics`.

All tables come of one pass over the bytes, and one cursor per file stands in dlt's state, which dlt commits with the
load. A run that selects only some of the tables lands those and leaves the cursors, so the others miss nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import dlt
from dlt.common.pipeline import LoadInfo  # noqa: F401
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from sources.claude_code import schema
from sources.claude_code.files import Counts, Cursor, FoundFile, discover, may_have_grown, session_roots
from sources.claude_code.reading import Job, Outcome, read_files
from sources.claude_code.transcript import SessionText
from sources.errors import SourceError
from sources.landed import PerRun

_ROW_TABLES = (
    schema.MESSAGES,
    schema.EVENTS,
    schema.PROMPTS,
    schema.TOOL_CALLS,
    schema.TICKET_MENTIONS,
    schema.UNREADABLE_LINES,
)


class _Run:
    """What one run reads, shared by the resources: whichever is asked first reads for all."""

    def __init__(self, roots: Sequence[Any], base_folder: str, session_text: SessionText) -> None:
        self.started_at = datetime.now(UTC)
        state = dlt.current.source_state()
        self.cursors = {file_id: Cursor.unpack(packed) for file_id, packed in state.get("files", {}).items()}
        counts = Counts()
        found = discover(session_roots(roots), base_folder, counts)
        self.changed = [file for file in found if may_have_grown(file, self.cursors.get(file.file_id))]
        counts.files_found = len(found)
        self.is_first = not self.cursors and _has_landed_nothing()
        job = Job({table.name: table.arrow_schema() for table in _ROW_TABLES}, session_text, self.started_at)
        folder = Path(dlt.current.pipeline().working_dir) / "transcripts"
        self.outcome = read_files(self.changed, self.cursors, job, folder) if self.changed else Outcome()
        counts.add(asdict(self.outcome.counts))
        self.counts = counts
        selected = set(dlt.current.source().selected_resources)
        if selected.issuperset(table.name for table in (schema.FILES, *_ROW_TABLES)):
            state["files"] = {
                **state.get("files", {}),
                **{file_id: cursor.pack() for file_id, cursor in self.outcome.cursors.items()},
            }
        state["models"] = sorted({*state.get("models", []), *self.outcome.models})


def _has_landed_nothing() -> bool:
    pipeline = dlt.current.pipeline()
    with pipeline.sql_client() as client:
        loads = client.make_qualified_table_name(pipeline.default_schema.loads_table_name)
        try:
            return not client.execute_sql(f"select 1 from {loads} where status = 0 limit 1")
        except DatabaseUndefinedRelation:
            return True


@dlt.source(name="claude_code", section="claude_code", max_table_nesting=0)
def claude_code(
    roots: Any = dlt.config.value, base_folder: str = "", session_text: str = "redacted"
) -> Any:
    """Transcripts below the session roots, from where the last load ended."""
    run = PerRun(lambda: _Run(roots, base_folder, session_text))  # type: ignore[arg-type]

    def rows_of(table: schema.TranscriptTable) -> Any:
        @dlt.resource(**table.dlt_hints())
        def rows() -> Iterator[Any]:
            path, count = run().outcome.tables.get(table.name, (None, 0))
            if count:
                hints = dlt.mark.make_hints(write_disposition="replace") if run().is_first else None
                yield dlt.mark.with_file_import(str(path), "csv", count, hints)
            elif run().is_first:
                yield dlt.mark.materialize_table_schema()

        return rows

    @dlt.resource(**(schema.FILES.dlt_hints() | {"write_disposition": {"disposition": "merge", "strategy": "upsert"}}))
    def files() -> Iterator[Any]:
        metrics = dlt.current.resource_metrics()
        metrics.update(asdict(run().counts))
        yield _file_rows(run())

    return [*(rows_of(table) for table in _ROW_TABLES), files]


def _file_rows(run: _Run) -> Any:
    import pyarrow as pa
    rows = []
    for file in run.changed:
        cursor = run.outcome.cursors.get(file.file_id)
        if cursor is None:
            continue
        rows.append((file.file_id, file.path, file.root_path, file.host, cursor.generation, cursor.size, cursor.offset, datetime.fromisoformat(cursor.first_seen_at), run.started_at))
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(zip(*rows), schema.FILES.arrow_schema())] if rows else [pa.array([], f.type) for f in schema.FILES.arrow_schema()], schema=schema.FILES.arrow_schema())
