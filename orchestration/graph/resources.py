"""What assets are given while they run: the warehouse, settings of the sources, dbt, a listener; opened when needed."""

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from assets.progress import LandedTable, Listener
from orchestration.errors import WorkledgerError
from orchestration.inputs.configuration import Inputs, open_inputs
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import DbtBuild, DbtProject, Manifest, dbt_environment
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.state import BuildState
from sources.catalog import SourceSpec

# The longest wait for another process that loads the same source: the slowest first load of a source.
_LONGEST_WAIT_SECONDS: Final = 1800.0

_logger = logging.getLogger(__name__)


class LoggingListener:
    """Writes progress to the log; the UI shows the events of a run that Dagster started."""

    def says(self, sentence: str) -> None:
        """Log a preparation."""
        _logger.info("%s", sentence)

    def begins(self, what: str) -> None:
        """Log the part that begins."""
        _logger.info("begins: %s", what)

    def landed(self, title: str, tables: Mapping[str, LandedTable]) -> None:
        """Log the rows of a load."""
        _logger.info("landed: %s, %d rows", title, sum(table.written for table in tables.values()))

    def skipped(self, sentence: str) -> None:
        """Log why a source is skipped."""
        _logger.info("skipped: %s", sentence)

    def failed(self, sentence: str) -> None:
        """Log what failed."""
        _logger.error("failed: %s", sentence)

    def built(self, node: str, done: int, total: int) -> None:
        """Log a node of the warehouse."""
        _logger.debug("built: %s, %d of %d", node, done, total)

    def finished(self, count: int, failed: int, up_to_date: int) -> None:
        """Log the end of the build."""
        _logger.info("built: %d models and tests, %d failed; %d models are up to date", count, failed, up_to_date)


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
        with locked(self._places.settings.home / "dlt" / f"{spec.name}.lock", spec.title):
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
    def alone(self) -> Iterator[None]:
        """Hold the lock of the build; a process that died holds none."""
        with locked(self._places.settings.home / "dbt" / "build.lock", "The warehouse's build"):
            yield


def warehouse_name(warehouse: Warehouse) -> str:
    """A short name for files that belong to one warehouse; that of the embedded one does not depend on its port."""
    return "embedded" if warehouse.embedded else hashlib.sha256(warehouse.address.encode()).hexdigest()[:12]


@contextmanager
def locked(file: Path, what: str) -> Iterator[None]:
    """Hold a lock between processes; it is released when its holder ends, however it ends.

    Raises:
        WorkledgerError: another process has held it for half an hour.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=_LONGEST_WAIT_SECONDS)
    except Timeout:
        raise WorkledgerError(
            f"{what} is still in progress in another process after {_LONGEST_WAIT_SECONDS / 60:.0f} minutes; "
            f"end that process, or wait and try again."
        ) from None
    try:
        yield
    finally:
        lock.release()
