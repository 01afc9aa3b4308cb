"""What assets are given while they run: the warehouse, settings of the sources, dbt, a listener; opened when needed."""

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from assets.progress import Glimpse, LandedTable, Listener
from invoicing import restatements
from orchestration.errors import WarehouseError
from orchestration.graph.locks import locked
from orchestration.inputs.configuration import Inputs, open_inputs
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import DbtBuild, DbtProject, Manifest, dbt_environment
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.state import BuildState
from orchestration.warehouse.turns import turn_at_raw
from sources.catalog import SourceSpec

_logger = logging.getLogger(__name__)


class LoggingListener:
    """Writes progress to the log, which `workledger ui` shows on its terminal; Dagster's UI has the events of a run."""

    def says(self, sentence: str) -> None:
        """Log a preparation, or what is waited for."""
        _logger.info("%s", sentence)

    def begins(self, what: str) -> None:
        """Log the part that begins."""
        _logger.debug("begins: %s", what)

    def landed(self, title: str, tables: Mapping[str, LandedTable]) -> None:
        """Log the rows of a load."""
        written = sum(table.written for table in tables.values())
        _logger.info("%s: %s", title, f"{written:,} rows new or changed" if written else "nothing new")

    def skipped(self, sentence: str) -> None:
        """Log why a source is skipped."""
        _logger.info("%s", sentence)

    def failed(self, sentence: str) -> None:
        """Log what failed."""
        _logger.error("Failed: %s", sentence)

    def built(self, node: str, done: int, total: int) -> None:
        """Log a node of the warehouse."""
        _logger.debug("built: %s, %d of %d", node, done, total)

    def finished(self, count: int, failed: int, up_to_date: int) -> None:
        """Log the end of the build."""
        _logger.info(
            "Warehouse: %d models and tests%s; %d models are up to date",
            count,
            f", {failed} of them failed" if failed else "",
            up_to_date,
        )


class Places:
    """Opens the warehouse and the inputs once, when a step first needs them."""

    def __init__(self, settings: Settings, notify: Callable[[str], None]) -> None:
        """Take the settings and what receives sentences on preparations; nothing is opened yet."""
        self.settings = settings
        self._notify = notify

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, running and prepared."""
        return open_warehouse(self.settings, self._notify)

    @cached_property
    def inputs(self) -> Inputs:
        """What the sources read: the user's own systems, or the sandbox."""
        return open_inputs(self.settings, self._notify)


class SourceLanding:
    """`assets.raw.Landing` for the settings in force."""

    def __init__(self, places: Places, listener: Listener, *, attended: bool) -> None:
        """Take the places, the listener, and whether a person waits for the result."""
        self._places = places
        self._listener = listener
        self._attended = attended

    @property
    def attended(self) -> bool:
        """Whether a person waits for the result."""
        return self._attended

    @property
    def listener(self) -> Listener:
        """Receives the progress."""
        return self._listener

    def pipelines_folder(self) -> Path:
        """A folder for each warehouse, so that a load cut short in one is never finished in another."""
        return self._places.settings.home / "dlt" / warehouse_name(self._places.warehouse)

    def destination(self) -> str:
        """The DSN of role loader."""
        return self._places.warehouse.dsn("loader")

    def missing(self, spec: SourceSpec) -> str | None:
        """What to do so that the source can be read; None if it can."""
        return self._places.inputs.missing(spec)

    def configuration(self, spec: SourceSpec) -> Mapping[str, Any]:
        """The source's settings, secrets included."""
        return self._places.inputs.configuration(spec.name)

    @contextmanager
    def alone(self, spec: SourceSpec) -> Iterator[None]:
        """Hold the lock of the source; a process that died holds none."""
        with locked(self._places.settings.home / "dlt" / f"{spec.name}.lock", spec.title, self._listener.says):
            yield

    @contextmanager
    def turn(self, spec: SourceSpec) -> Iterator[None]:
        """Hold the raw tables of the source against builds."""
        with turn_at_raw(self._places.warehouse, "loader", [spec.schema]):
            yield


class WarehouseTransformer:
    """`assets.warehouse.Transformer`: dbt against the warehouse, as role transformer."""

    def __init__(self, places: Places, manifest: Manifest, listener: Listener) -> None:
        """Take the places, the parsed project and the listener."""
        self._places = places
        self._project = DbtProject(manifest, places.settings)
        self._listener = listener

    @property
    def listener(self) -> Listener:
        """Receives the progress."""
        return self._listener

    @property
    def manifest(self) -> Manifest:
        """The parsed project."""
        return self._project.manifest

    def build(self, arguments: Sequence[str], chosen: Collection[str] | None = None) -> DbtBuild:
        """Prepare `dbt build` of the chosen models, or of what is stale."""
        warehouse = self._places.warehouse
        state = BuildState(warehouse, self._places.settings.as_of)
        return self._project.build(arguments, dbt_environment(warehouse), state, chosen)

    @contextmanager
    def glimpses(self) -> Iterator[Callable[[str, str, bool, int], Glimpse]]:
        """Provide a function that looks into a table or view in schema and name as dbt builds it."""
        with ExitStack() as held:
            connection: psycopg.Connection | None = None

            def glimpse(schema: str, name: str, counted: bool, rows: int) -> Glimpse:
                nonlocal connection
                relation = sql.Identifier(schema, name)
                count, shown = None, []
                # What cannot be looked at in time is not shown.
                with suppress(psycopg.Error, WarehouseError):
                    if connection is None:
                        # Not before the first node is built: a build waits for other sessions.
                        connection = held.enter_context(self._places.warehouse.connect("transformer"))
                        connection.execute("set statement_timeout = '1s'")
                    if counted:
                        [(count,)] = connection.execute(sql.SQL("select count(*) from {}").format(relation))
                    if rows:
                        cursor = connection.cursor(row_factory=dict_row)
                        shown = cursor.execute(sql.SQL("select * from {} limit {}").format(relation, rows)).fetchall()
                return Glimpse(count, shown)

            yield glimpse

    def record_restatements(self) -> None:
        """Record what the build found changed after it was billed (rule 10.4)."""
        with self._places.warehouse.connect("owner") as connection:
            found = restatements.record(connection)
        if found:
            many = "s" if found > 1 else ""
            self._listener.says(f"{found} restatement{many} of issued invoices found; the next bills adjust them.")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of the build; a process that died holds none."""
        with locked(self._places.settings.home / "dbt" / "build.lock", "The warehouse's build", self._listener.says):
            yield


def warehouse_name(warehouse: Warehouse) -> str:
    """A short name for files that belong to one warehouse; that of the embedded one does not depend on its port."""
    return "embedded" if warehouse.embedded else hashlib.sha256(warehouse.address.encode()).hexdigest()[:12]
