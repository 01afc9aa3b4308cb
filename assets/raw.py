"""Raw tables as assets: a factory that turns one entry of the source catalogue into one loading step.

How to read a vendor is in `sources`; the warehouse, the credentials and the schedule are in `orchestration`, which
provides them through `Landing`.
"""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import dagster as dg
import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.dictionary import DictionaryProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.schema import Schema
from dlt.extract.source import DltSource
from dlt.pipeline.pipeline import Pipeline
from pydantic import Field

from assets.checks import RATES_TABLE, REJECTED_TABLE, Remarks, check_specs, evaluate
from assets.keys import load_name, raw_key, raw_schema
from assets.progress import LandedTable, Listener
from sources.catalog import SourceSpec
from sources.kit import destination
from sources.kit.account import ACCOUNT_STATE
from sources.kit.arrow import empty
from sources.kit.errors import SourceError, readable
from sources.kit.run import keep_quiet
from sources.kit.table import Column, Kind, Table
from sources.reference.rates import missing_rates

READ: Final = "rows_read"
WRITTEN: Final = "rows_written"
SKIPPED: Final = "skipped"
# Where dlt keeps the columns that it has made.
_DLT_SCHEMAS: Final = "_dlt_version"

_POSTGRES_TYPES: Final[Mapping[Kind, str]] = {
    "text": "text",
    "bigint": "bigint",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "numeric": "numeric",
    "double": "double precision",
    "json": "jsonb",
}


class LoadConfig(dg.Config):
    """What a person may say of one load, in the launchpad."""

    again: bool = Field(
        default=False,
        description=(
            "Read everything again as far as the vendor still has it, as on the first load. Rows that landed stay, and "
            "those that differ are written."
        ),
    )


class Landing(Protocol):
    """What orchestration provides to a load while it runs."""

    @property
    def listener(self) -> Listener:
        """Receives progress."""

    @property
    def attended(self) -> bool:
        """Whether a person is waiting for the result and prefers a failure to waiting for a retry."""

    def pipelines_folder(self) -> Path:
        """Return the folder of dlt's working files for this warehouse."""

    def destination(self) -> str:
        """Return the DSN of the role that writes raw tables."""

    def missing(self, spec: SourceSpec) -> str | None:
        """Return what to do so that the source can be read ("set …"); None if it can be read already."""

    def configuration(self, spec: SourceSpec) -> Mapping[str, Any]:
        """Return the source's settings, nested by dot, secrets included."""

    def alone(self, spec: SourceSpec) -> AbstractContextManager[None]:
        """Keep every other process from loading this source at the same time."""

    def turn(self, spec: SourceSpec) -> AbstractContextManager[Any]:
        """Wait until no build reads the raw tables of the source, and keep builds from it."""


def raw_assets(spec: SourceSpec) -> dg.AssetsDefinition:
    """One step that loads a source, and one asset for each of its raw tables.

    The tables of a source come from one walk and share one cursor, so they are loaded together or not at all.
    """

    @dg.multi_asset(
        name=load_name(spec.name),
        description=f"Load what is new in {spec.title} into schema {raw_schema(spec.name)}.",
        specs=[_asset_spec(spec, table) for table in spec.tables],
        check_specs=check_specs(spec),
        # Limited in deploy/dagster.yaml; on one machine a lock does the same (decision 67).
        pool=spec.name,
        # The HTTP client retries vendors' errors; this is for everything else, such as a lost database connection.
        retry_policy=dg.RetryPolicy(
            max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
        ),
    )
    def load(
        context: dg.AssetExecutionContext, config: LoadConfig, landing: dg.ResourceParam[Landing]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        landing.listener.begins(spec.title)
        try:
            landed, remarks, note = _land_or_explain(spec, landing, again=config.again)
        except Exception as error:
            source_error = readable(error)
            sentence = source_error or f"{spec.title} was not loaded: {_innermost(error)}"
            landing.listener.failed(sentence)
            # Even after a failure, models must find the tables they read.
            try:
                create_empty(spec, landing)
            except Exception as further:  # noqa: BLE001 - the first error is the one to fix
                context.log.warning(f"The tables of {spec.title} could not be created either: {_innermost(further)}")
            # A source that gives up has already retried.
            raise dg.Failure(
                description=sentence, allow_retries=source_error is None and not landing.attended
            ) from error
        if note:
            context.log.warning(note)
            landing.listener.skipped(note)
        else:
            landing.listener.landed(spec.title, landed)
        for table in spec.tables:
            key = raw_key(spec.name, table.name)
            result = landed.get(table.name, LandedTable())
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    READ: result.read,
                    WRITTEN: result.written,
                    **result.counters,
                    **({SKIPPED: note} if note else {}),
                },
                data_version=_data_version(context, key, changed=result.written > 0),
            )

        yield from evaluate(spec, landed, remarks)

    return load


def land(spec: SourceSpec, landing: Landing, *, again: bool = False) -> tuple[dict[str, LandedTable], Remarks]:
    """Load new data of a source; a load that was killed is read again.

    Args:
        spec: the source.
        landing: where it lands, and its settings.
        again: whether everything is read again, and not only what is new.

    Returns:
        What was done to every table, and what the source reports about its input.

    Raises:
        SourceError: the source gave up; nothing of this load was written.
    """
    with configured(spec, landing.configuration(spec)), landing.alone(spec), _pipeline(spec, landing) as pipeline:
        _forget_local_state(pipeline)
        if again:
            _forget_cursors(spec, pipeline)
        are_there = _complete_tables(spec, pipeline, create=False)
        started = datetime.now(UTC)
        pipeline.run(spec.build(), loader_file_format="csv").raise_on_failed_jobs()
        landed = _what_landed(spec, pipeline, started)
        if not are_there:
            _complete_tables(spec, pipeline, create=True)
        remarks = Remarks(
            _rejections(spec, pipeline),
            _rejected_files(spec, pipeline),
            _missing_rates(spec, pipeline),
            _count_not_visible(spec, pipeline),
        )
        return landed, remarks


def create_empty(spec: SourceSpec, landing: Landing) -> None:
    """Create the tables of a source that cannot be read, so that everything downstream of it builds."""
    with landing.alone(spec), _pipeline(spec, landing) as pipeline:
        pipeline.drop()
        _complete_tables(spec, pipeline, create=True)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _land_or_explain(spec: SourceSpec, landing: Landing, *, again: bool) -> tuple[dict[str, LandedTable], Remarks, str]:
    if fix := landing.missing(spec):
        create_empty(spec, landing)
        return {}, Remarks(), f"{spec.title} is skipped and its tables stay as they are; to load it, {fix}."
    return *land(spec, landing, again=again), ""


def _asset_spec(spec: SourceSpec, table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=raw_key(spec.name, table.name),
        group_name=spec.name,
        description=table.description,
        kinds={"dlt", "postgres", spec.name},
        metadata={
            "dagster/table_name": f"{raw_schema(spec.name)}.{table.name}",
            "dagster/column_schema": dg.TableSchema(
                columns=[_table_column(table, column) for column in table.all_columns],
            ),
        },
    )


def _table_column(table: Table, column: Column) -> dg.TableColumn:
    needed = column.required or column.name in table.key
    return dg.TableColumn(
        name=column.name,
        type=_POSTGRES_TYPES[column.kind],
        description=column.description,
        constraints=dg.TableColumnConstraints(
            nullable=not needed,
            unique=table.key == (column.name,),
            other=["primary key"] if column.name in table.key else None,
        ),
    )


def _data_version(context: dg.AssetExecutionContext, key: dg.AssetKey, *, changed: bool) -> dg.DataVersion:
    """This run's own data version if rows were written, else the last one: only new data is processed by dbt."""
    if not changed:
        last = context.instance.get_latest_data_version_record(key)
        tags = last.asset_materialization.tags if last and last.asset_materialization else None
        if tags and (version := tags.get("dagster/data_version")):
            return dg.DataVersion(version)
    return dg.DataVersion(context.run.run_id)


@contextlib.contextmanager
def _pipeline(spec: SourceSpec, landing: Landing) -> Iterator[Pipeline]:
    """Provide the source's pipeline; left active, later reads in this process would use its warehouse.

    Its working folder, which holds every row that it loads, is removed when the load ends: the next one begins with
    what the warehouse holds (`_forget_local_state`).
    """
    keep_quiet()
    pipeline = destination.pipeline(
        spec.name,
        landing.destination(),
        raw_schema(spec.name),
        landing.pipelines_folder(),
        lambda: landing.turn(spec),
    )
    warehouse: Any = pipeline.destination
    try:
        # What is asked before and after the load takes the connections of the load.
        with warehouse.kept_connections():
            yield pipeline
    finally:
        pipeline.deactivate()
        shutil.rmtree(pipeline.working_dir, ignore_errors=True)


def _forget_local_state(pipeline: Pipeline) -> None:
    """Begin from the state in the warehouse; what a killed run had extracted is read again.

    dlt's own recovery of such a package does not work: a COPY that was committed, but not yet recorded as done, is
    repeated into the same staging table, and the MERGE then refuses the duplicate rows, or duplicates them in the
    table.
    """
    pipeline.drop()


def _forget_cursors(spec: SourceSpec, pipeline: Pipeline) -> None:
    """Forget up to where the source was read; whose data has landed is remembered (rule 12.10)."""
    pipeline.sync_destination()
    with pipeline.managed_state() as state:
        sources = state.get("sources", {})
        if (known := sources.get(spec.name)) is not None:
            sources[spec.name] = {name: value for name, value in known.items() if name == ACCOUNT_STATE}


@contextlib.contextmanager
def configured(spec: SourceSpec, configuration: Mapping[str, Any]) -> Iterator[None]:
    """Give a source its settings through dlt's configuration, before the environment and any file."""
    providers = Container()[PluggableRunContext].providers
    values: dict[str, Any] = {}
    for name, value in configuration.items():
        *path, last = name.split(".")
        place = values
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    # A new one for each load: dlt's keeps its values after a failure.
    provider = DictionaryProvider()
    providers.providers.insert(0, provider)
    try:
        with provider.values({"sources": {spec.name: values}}):
            yield
    finally:
        providers.providers.remove(provider)


def _what_landed(spec: SourceSpec, pipeline: Pipeline, started: datetime) -> dict[str, LandedTable]:
    trace = pipeline.last_trace
    # Counted at extraction: rows that come as a whole file (sources/kit/walk.py) are not normalized.
    rows: dict[str, int] = {}
    counters: dict[str, dict[str, int | float | str]] = {}
    for steps in trace.last_extract_info.metrics.values() if trace and trace.last_extract_info else ():
        for step in steps:
            for name, metrics in step["table_metrics"].items():
                rows[name] = rows.get(name, 0) + metrics.items_count
            for name, metrics in step["resource_metrics"].items():
                counters.setdefault(name, {}).update(metrics.custom_metrics or {})
    touched = [table for table in spec.tables if rows.get(table.name)]
    # If every extracted row is new, there is nothing to compare.
    compared = [table.name for table in touched if table.dlt_hints()["write_disposition"]["strategy"] != "insert-only"]
    written = {table.name: rows[table.name] for table in touched} | _count_written(pipeline, compared, started)
    return {
        table.name: LandedTable(rows.get(table.name, 0), written.get(table.name, 0), counters.get(table.name, {}))
        for table in spec.tables
    }


def _count_written(pipeline: Pipeline, tables: list[str], started: datetime) -> dict[str, int]:
    """Count the rows that this load wrote: a merge leaves an unchanged row, and its loaded_at, as it was."""
    if not tables:
        return {}
    with pipeline.sql_client() as client:
        counts = " union all ".join(
            f"select '{name}', count(*) from {client.make_qualified_table_name(name)} where loaded_at >= %s"
            for name in tables
        )
        return {str(name): int(count) for name, count in client.execute_sql(counts, *[started] * len(tables)) or ()}


def _rejections(spec: SourceSpec, pipeline: Pipeline) -> list[str]:
    if all(table.name != REJECTED_TABLE for table in spec.tables):
        return []
    with pipeline.sql_client() as client:
        table = client.make_qualified_table_name(REJECTED_TABLE)
        # A problem of the whole folder is one of each of its files.
        rows = client.execute_sql(
            f"select reason from {table} group by reason order by min(file), min(row_number), min(column_name)"
        )
    # The reason already names its place.
    return [str(reason) for (reason,) in rows or ()]


def _rejected_files(spec: SourceSpec, pipeline: Pipeline) -> dict[str, str]:
    if all(table.name != REJECTED_TABLE for table in spec.tables):
        return {}
    with pipeline.sql_client() as client:
        table = client.make_qualified_table_name(REJECTED_TABLE)
        rows = client.execute_sql(
            f"select distinct on (file) file, reason from {table} order by file, row_number nulls first, column_name"
        )
    return {str(file): str(reason) for file, reason in rows or ()}


def _count_not_visible(spec: SourceSpec, pipeline: Pipeline) -> dict[str, int]:
    tables = [table for table in spec.tables if table.not_visible]
    if not tables:
        return {}
    with pipeline.sql_client() as client:
        counts = " union all ".join(
            f"select '{table.name}', count(*) from {client.make_qualified_table_name(table.name)} "
            f"where {table.not_visible}"
            for table in tables
        )
        return {str(name): int(count) for name, count in client.execute_sql(counts) or ()}


def _missing_rates(spec: SourceSpec, pipeline: Pipeline) -> list[str]:
    if all(table.name != RATES_TABLE for table in spec.tables):
        return []
    with pipeline.sql_client() as client:

        def rows(file: str, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
            query = f"select {', '.join(columns)} from {client.make_qualified_table_name(file)}"
            return [tuple(row) for row in client.execute_sql(query) or ()]

        return missing_rates(rows)


def _complete_tables(spec: SourceSpec, pipeline: Pipeline, *, create: bool) -> bool:
    """Add missing declared columns to existing tables and, if asked to, create missing tables.

    Done before a load, because a source reads landed rows by their declared columns, which a table of an earlier
    version may not have.

    Returns:
        Whether every declared table exists now.

    Raises:
        SourceError: a column is missing that an earlier load has written.
    """
    with pipeline.sql_client() as client:
        rows = client.execute_sql(
            "select table_name, column_name from information_schema.columns where table_schema = %s",
            raw_schema(spec.name),
        )
    existing: dict[str, set[str]] = {}
    for table_name, column_name in rows or ():
        existing.setdefault(table_name, set()).add(column_name)
    incomplete = [
        table
        for table in spec.tables
        if (create or table.name in existing)
        and not {column.name for column in table.all_columns} <= existing.get(table.name, set())
    ]
    if incomplete:
        _refuse_lost_columns(spec, pipeline, incomplete, existing)
        empty = DltSource(Schema(spec.name), spec.name, [_without_rows(table) for table in incomplete])
        pipeline.run(empty, loader_file_format="csv").raise_on_failed_jobs()
    return create or all(table.name in existing for table in spec.tables)


def _refuse_lost_columns(
    spec: SourceSpec, pipeline: Pipeline, incomplete: Sequence[Table], existing: Mapping[str, set[str]]
) -> None:
    """Give up if a column is missing not because it is new, but because somebody dropped or renamed it.

    It would be added again, empty, and its values would be missing for good, without a word.
    """
    if _DLT_SCHEMAS not in existing:
        return
    with pipeline.sql_client() as client:
        table = client.make_qualified_table_name(_DLT_SCHEMAS)
        [(schema,)] = client.execute_sql(f"select schema from {table} order by inserted_at desc limit 1") or [("{}",)]
    written = {name: one.get("columns", {}).keys() for name, one in json.loads(schema).get("tables", {}).items()}
    lost = [
        f"{raw_schema(spec.name)}.{table.name} has no column {column.name} any more"
        for table in incomplete
        for column in table.all_columns
        if table.name in existing
        and column.name not in existing[table.name]
        and column.name in written.get(table.name, ())
    ]
    if lost:
        raise SourceError(
            f"{spec.title} was not loaded, and nothing is lost by that: {', '.join(lost)}. Whoever renamed it must "
            f"rename it back; if it was dropped, restore it from a backup (docs/reliability.md), or have all of "
            f"{spec.title} loaded again, as far as the vendor still has it, after: "
            f"drop schema {raw_schema(spec.name)} cascade."
        )


def _without_rows(table: Table) -> Any:
    return dlt.resource([empty(table)], **table.dlt_hints())


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        wrapped = getattr(current, "exception", None)
        current = wrapped if isinstance(wrapped, BaseException) else current.__cause__ or current.__context__


def _innermost(error: BaseException) -> str:
    """The first line of the root cause; dlt's wrapping exceptions do not help a reader."""
    *_, root = _chain(error)
    lines = str(root).strip().splitlines()
    return lines[0] if lines else type(root).__name__
