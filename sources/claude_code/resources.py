"""The dlt source of transcripts: settings, cursors, and one resource per raw table. Reading is not done here.

Settings below `sources.claude_code`: `roots` (list of {path, host}, as session_roots.csv has them), `base_folder`
(where relative roots begin; default: the working directory), `session_text` (redacted, none or full).

What a run did is in the custom metrics of the resource `files`, under the names of `files.Counts` and as
`rows_<table>`; `run_metrics(pipeline)` looks them up.

All tables come of one pass over the bytes. The cursors, one per file, are the rows of `files`, because dlt's state is
written whole by every load and would grow with every file that ever was. dlt commits the tables of a load one by one,
but its state with the last of them: there stands which run was the last to complete, and a cursor that a later run has
written is not believed, its file is read from the beginning and what has landed is left as it is. A run that selects
only some of the tables lands those and completes nothing, so that the others miss nothing.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, get_args

import dlt
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from sources.claude_code.client import Counts, Cursor, FoundFile, discover, location_key, may_have_grown, session_roots
from sources.claude_code.other_logs import counted
from sources.claude_code.reading import Job, Outcome, read_files
from sources.claude_code.records import SessionText
from sources.claude_code.rows import row, to_csv
from sources.claude_code.schema import CATALOG_PRICES, FILES, ROW_TABLES, UNREADABLE_LINES, TranscriptTable
from sources.kit.errors import SourceError
from sources.kit.run import PerRun

LARGE_TABLE_BYTES: Final = 16 * 2**20
"""From this size on a raw table has an index."""

logger = logging.getLogger(__name__)

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Run:
    """What one run reads, shared by its resources: whichever is asked first reads for all."""

    def __init__(self, roots: Any, base_folder: str, session_text: str) -> None:
        mode = _session_text(session_text)
        state = dlt.current.source_state()
        last = datetime.fromisoformat(state["completed"]) if "completed" in state else _BEGINNING
        # Later than the last run, whatever the clock says: cursors are believed by that order.
        self.started_at = max(datetime.now(UTC), last + timedelta(microseconds=1)).isoformat()
        base = str(Path(base_folder or ".").absolute())
        landed = _landed_files(last, base)
        cursors = {file_id: file.cursor for file_id, file in landed.items()}
        known = {file.location: file_id for file_id, file in landed.items()}
        self.counts = Counts()
        archives: Counter[str] = Counter()
        found = discover(session_roots(_rows(roots)), base, self.counts, known, archives)
        self.counts.files_found = len(found)
        changed = [file for file in found if may_have_grown(file, cursors.get(file.file_id))]
        self.is_first = not cursors and _nothing_has_landed()
        if changed and not self.is_first:
            _index_large_tables()
        self.folder = Path(dlt.current.pipeline().working_dir) / "transcripts"
        self._outcome = Outcome()
        self._folders = (base, os.path.expanduser("~"))  # noqa: PTH111 - as session roots are expanded
        labels = [
            file for file in found if file.file_id in landed and landed[file.file_id].known_by != self._known_by(file)
        ]
        if changed or labels or self.is_first:
            columns = {table.name: [column.name for column in table.columns] for table in ROW_TABLES}
            self._outcome = read_files(changed, cursors, Job(columns, mode, self.started_at), self.folder)
            self._outcome.cursors = {file.file_id: cursors[file.file_id] for file in labels} | self._outcome.cursors
            self._write_files({file.file_id: file for file in (*labels, *changed)}.values())
            _say_what_is_set_aside(self._outcome.cursors.values(), archives)
        self.counts.add(asdict(self._outcome.counts))
        self.models = sorted({*state.get("models", []), *self._outcome.models})
        selected = dlt.current.source().selected_resources
        has_news = self.is_first or any(rows for parts in self._outcome.tables.values() for _, rows in parts)
        if has_news and all(table.name in selected for table in (FILES, *ROW_TABLES)):
            state["completed"] = self.started_at
            state["models"] = self.models

    def load(self, table: TranscriptTable) -> Iterator[Any]:
        """The table's files, for dlt to import as they are.

        The very first load replaces, COPY straight into the table: a repetition after a kill truncates first. Later
        loads merge. Neither survives dlt's own finishing of a killed package (its COPY into a staging table may then
        be done twice), so a run must begin with `pipeline.drop()`, after which the warehouse's cursors hold.
        """
        hints = dlt.mark.make_hints(write_disposition="replace") if self.is_first else None
        for number, (path, rows) in enumerate(self._outcome.tables.get(table.name, ())):
            # A file with a header alone makes the table.
            if rows or (self.is_first and number == 0):
                yield dlt.mark.with_file_import(str(path), "csv", rows, hints)

    def metrics(self) -> dict[str, int]:
        """What the run did."""
        rows = {f"rows_{name}": sum(count for _, count in parts) for name, parts in self._outcome.tables.items()}
        return {**asdict(self.counts), **rows}

    def _known_by(self, file: FoundFile) -> Sequence[str | None]:
        """The cells of `files` that say where a file is, in the order of the columns."""
        return (file.file_id, file.path, file.root_path, file.host or None, *self._folders)

    def _write_files(self, changed: Iterable[FoundFile]) -> None:
        rows = []
        for file in changed:
            cursor = self._outcome.cursors.get(file.file_id)
            if cursor is not None:
                rows.append(row((*self._known_by(file), *cursor.values(), self.started_at)))
        path = self.folder / f"{FILES.name}.csv"
        path.write_bytes(to_csv([",".join(column.name for column in FILES.columns), *rows]))
        self._outcome.tables[FILES.name] = [(path, len(rows))]


@dlt.source(name="claude_code", section="claude_code", max_table_nesting=0)
def claude_code(roots: Any = dlt.config.value, base_folder: str = "", session_text: str = "redacted") -> Any:
    """Transcripts below the session roots, from where the last load ended.

    Parameters: `roots`, a list of {path, host}, also as JSON text; `base_folder`, where relative roots begin;
    `session_text`, what becomes of texts: `redacted`, `none` (dropped before landing) or `full`.
    """
    run = PerRun(lambda: _Run(roots, base_folder, session_text))

    def rows_of(table: TranscriptTable) -> Any:
        @dlt.resource(**table.dlt_hints())
        def rows() -> Iterator[Any]:
            yield from run().load(table)

        return rows

    @dlt.resource(**FILES.dlt_hints())
    def files() -> Iterator[Any]:
        dlt.current.resource_metrics().update(run().metrics())
        yield from run().load(FILES)

    @dlt.resource(**CATALOG_PRICES.dlt_hints())
    def catalog_prices() -> Iterator[Any]:
        yield from _load_prices(run())

    return [files, *(rows_of(table) for table in ROW_TABLES), catalog_prices]


def _load_prices(run: _Run) -> Iterator[Any]:
    """All prices of the models seen, whenever a model was not seen before or the package is another."""
    state = dlt.current.resource_state()
    if not run.models and not run.is_first:
        return
    priced = [version("genai-prices"), *run.models]
    if state.get("priced") == priced:
        return
    # Imported only where models are new: it takes as long as a run without news.
    from sources.claude_code.prices import catalog_prices

    rows = [row((*vars(price).values(), priced[0], run.started_at)) for price in catalog_prices(run.models)]
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / f"{CATALOG_PRICES.name}.csv"
    path.write_bytes(to_csv([",".join(column.name for column in CATALOG_PRICES.columns), *rows]))
    # Said with the rows, not of the resource: dlt empties a table that is to be replaced and for which nothing comes.
    hints = dlt.mark.make_hints(write_disposition="replace")
    yield dlt.mark.with_file_import(str(path), "csv", len(rows), hints)
    state["priced"] = priced


def run_metrics(pipeline: dlt.Pipeline) -> dict[str, int]:
    """What the pipeline's last run of this source did (bytes_read, lines_read, files_grown, rows_messages …)."""
    trace = pipeline.last_trace
    extracted = trace.last_extract_info if trace else None
    for steps in extracted.metrics.values() if extracted else ():
        for step in steps:
            files = step["resource_metrics"].get(FILES.name)
            if files is not None and files.custom_metrics:
                return dict(files.custom_metrics)
    return {}


def _rows(roots: Any) -> Sequence[Any]:
    if isinstance(roots, str):
        try:
            roots = json.loads(roots)
        except ValueError:
            roots = None
    if not isinstance(roots, Sequence) or isinstance(roots, str | Mapping):
        raise SourceError(
            "sources.claude_code.roots is no list; give the rows of session_roots.csv, such as "
            '[{"path": "/home/ann/.claude/projects", "host": "laptop"}]'
        )
    return roots


def _session_text(value: str) -> SessionText:
    for mode in get_args(SessionText):
        if value == mode:
            return mode  # type: ignore[no-any-return]
    raise SourceError(f"SESSION_TEXT is {value!r}; give one of {', '.join(get_args(SessionText))}")


@dataclass(frozen=True)
class _LandedFile:
    """A row of `files`: where the file is, by what it is known, and how far it was read."""

    location: str
    known_by: Sequence[str | None]
    cursor: Cursor


def _landed_files(last: datetime, base: str) -> dict[str, _LandedFile]:
    """The rows of `files` by file id; the cursor of one that a run after the last completed one wrote is rewound."""
    with dlt.current.pipeline().sql_client() as client:
        table = client.make_qualified_table_name(FILES.name)
        try:
            # All columns there are: a table that an earlier version made has fewer.
            with client.execute_query(f"select * from {table} order by loaded_at") as result:
                names = [column[0] for column in result.description]
                rows = [dict(zip(names, values, strict=True)) for values in result.fetchall()]
        except DatabaseUndefinedRelation:
            return {}
    columns = [column.name for column in FILES.columns]
    place, cursor_columns = columns[: columns.index("generation")], columns[columns.index("generation") : -1]
    cursor_fields = [each.name for each in fields(Cursor)]
    landed = {}
    for values in rows:
        given = {
            name: values[column] for name, column in zip(cursor_fields, cursor_columns, strict=True) if column in values
        }
        cursor = Cursor(**given | {"first_seen_at": str(given["first_seen_at"])})
        landed[str(values["file_id"])] = _LandedFile(
            location_key(str(Path(values.get("base_folder") or base, values["path"]))),
            tuple(values.get(column) for column in place),
            cursor if values["loaded_at"] <= last else cursor.rewound(),
        )
    return landed


def _say_what_is_set_aside(cursors: Iterable[Cursor], archives: Counter[str]) -> None:
    """One line for all that a run came across and does not read."""
    aside = Counter(cursor.set_aside for cursor in cursors if cursor.set_aside)
    if aside or archives:
        logger.warning("claude_code: set aside, since they are no transcripts: %s", counted((aside + archives).items()))


def _index_large_tables() -> None:
    """Give the tables that grew large indexes: merging ten rows then takes no walk through a million.

    By place for the merge, by session and by load for the models that rebuild the sessions of the new rows alone. Not
    before the first load, which is faster without; not on small tables, which need none.
    """
    with dlt.current.pipeline().sql_client() as client:
        schema = client.capabilities.escape_literal(client.dataset_name)
        names = ", ".join(f"'{table.name}'" for table in ROW_TABLES)
        large = client.execute_sql(
            f"select relname from pg_class where relnamespace = {schema}::regnamespace and relname in ({names}) "
            f"and relkind = 'r' and not relhasindex and pg_relation_size(oid) >= {LARGE_TABLE_BYTES}"
        )
        for (name,) in large or ():
            table = client.make_qualified_table_name(str(name))
            client.execute_sql(f"create index on {table} (file_id, line_offset)")
            client.execute_sql(f"create index on {table} using brin (loaded_at)")
            if name != UNREADABLE_LINES.name:
                client.execute_sql(f"create index on {table} (session_id)")


def _nothing_has_landed() -> bool:
    """Whether no load of this source was ever completed: a vanished file's rows would not come again."""
    with dlt.current.pipeline().sql_client() as client:
        loads = client.make_qualified_table_name(dlt.current.source_schema().loads_table_name)
        try:
            return not client.execute_sql(f"select 1 from {loads} where status = 0 limit 1")
        except DatabaseUndefinedRelation:
            return True
