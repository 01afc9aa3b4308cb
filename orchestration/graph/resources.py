"""What assets are lent while they run: warehouse, sources' settings, dbt, a listener. Nothing connects earlier."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from filelock import FileLock, Timeout
from psycopg import pq

from assets.raw import LandedTable, Listener
from orchestration.errors import WorkledgerError
from orchestration.inputs.configuration import Inputs, open_inputs
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.dbt import DbtBuild, DbtProject, Manifest
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.state import BuildMemory
from sources.catalog import SourceSpec

# Another process that loads the same source is waited for this long: the slowest first load of a source.
_PATIENCE_SECONDS: Final = 1800.0

_logger = logging.getLogger(__name__)


class RunListener(Listener, Protocol):
    """Hears of a whole run: of preparations and of every node of the warehouse, too."""

    def says(self, sentence: str) -> None:
        """Pass on a sentence about what is being prepared."""

    def built(self, node: str, done: int, total: int) -> None:
        """Say that dbt is through with a node, the `done`th of `total`."""

    def finished(self, count: int, failed: int, up_to_date: int) -> None:
        """Say that the warehouse is through: nodes taken in, how many of them failed, models that have no news."""


class LoggingListener:
    """Hears and writes it to the log: a run that Dagster started has its own account in the UI."""

    def says(self, sentence: str) -> None:
        """Log a sentence about preparations."""
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
        _logger.info("built: %d models and tests, %d failed; %d models have no news", count, failed, up_to_date)


class Places:
    """Where things are: opens the warehouse and the sandbox once, when a step first needs them."""

    def __init__(self, settings: Settings, notify: Callable[[str], None]) -> None:
        """Remember the settings and who hears of preparations; nothing is opened yet."""
        self.settings = settings
        self._notify = notify

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse, up and prepared."""
        return open_warehouse(self.settings, self._notify)

    @cached_property
    def inputs(self) -> Inputs:
        """What sources read: one's own systems, or the sandbox's."""
        return open_inputs(self.settings, self._notify)


class SourceLanding:
    """`assets.raw.Landing` for the settings in force."""

    def __init__(self, places: Places, listener: Listener, *, attended: bool) -> None:
        """Take the places, whoever wants to hear of progress, and whether a person waits for the result."""
        self._places = places
        self._listener = listener
        self._attended = attended

    @property
    def attended(self) -> bool:
        """Whether a person waits for the result."""
        return self._attended

    @property
    def listener(self) -> Listener:
        """Whoever wants to hear of progress."""
        return self._listener

    def pipelines_folder(self) -> Path:
        """A folder for each warehouse, so that what one lacks is never finished in another."""
        return self._places.settings.home / "dlt" / warehouse_name(self._places.warehouse)

    def destination(self) -> str:
        """The DSN of role loader."""
        return self._places.warehouse.dsn("loader")

    def missing(self, spec: SourceSpec) -> str | None:
        """What to do so that the source can be read; None if it can."""
        inputs = self._places.inputs
        given = inputs.configuration(spec.name)
        absent = [name for name in spec.required_settings if not given.get(name)]
        if not absent:
            return None
        if spec.name == "claude_code":
            return f"name the folders of transcripts in {inputs.reference_dir / 'session_roots.csv'}"
        return f"set {' and '.join(map(spec.variable, absent))}"

    def configuration(self, spec: SourceSpec) -> Mapping[str, Any]:
        """The source's settings, secrets included."""
        return self._places.inputs.configuration(spec.name)

    @contextmanager
    def alone(self, spec: SourceSpec) -> Iterator[None]:
        """Hold the source's lock; a dead process holds none."""
        with locked(self._places.settings.home / "dlt" / f"{spec.name}.lock", spec.title):
            yield


class WarehouseTransformer:
    """`assets.warehouse.Transformer`: dbt against the warehouse, as role transformer."""

    def __init__(self, places: Places, manifest: Manifest, listener: RunListener) -> None:
        """Take the places, the parsed project and whoever wants to hear of every node."""
        self._places = places
        self._project = DbtProject(manifest, places.settings)
        self._listener = listener

    def build(self, arguments: Sequence[str]) -> "AnnouncedBuild":
        """Prepare `dbt build` with further arguments."""
        environment = dbt_environment(self._places.warehouse)
        lock = self._places.settings.home / "dbt" / "build.lock"
        memory = BuildMemory(self._places.warehouse, self._places.settings.as_of)
        build = self._project.build(arguments, environment, memory)
        return AnnouncedBuild(build, self._listener, lock)


class AnnouncedBuild:
    """A `dbt build` that has the warehouse for itself and whose nodes a listener hears of."""

    def __init__(self, build: DbtBuild, listener: RunListener, lock: Path) -> None:
        """Take the build, the listener and the lock file."""
        self._build = build
        self._listener = listener
        self._lock = lock

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield dbt's events of results."""
        self._listener.begins("Warehouse")
        with locked(self._lock, "The warehouse's build"):
            done = 0
            for done, event in enumerate(self._build.events(), start=1):
                data = event["data"]
                # Tests have another name for the same number.
                self._listener.built(data["node_info"]["node_name"], done, int(data.get("total") or data["num_models"]))
                yield event
        self._listener.finished(done, len(self._build.failures()), len(self._build.up_to_date()))

    def failures(self) -> Sequence[str]:
        """One sentence for every node that failed."""
        return self._build.failures()

    def up_to_date(self) -> Sequence[str]:
        """The dbt ids of models that have no news."""
        return self._build.up_to_date()


def warehouse_name(warehouse: Warehouse) -> str:
    """A short name for files that belong to one warehouse; the embedded one keeps its name when its port changes."""
    return "embedded" if warehouse.embedded else hashlib.sha256(warehouse.address.encode()).hexdigest()[:12]


def dbt_environment(warehouse: Warehouse) -> dict[str, str]:
    """Variables by which dbt's profile, and libpq below it, connect as role transformer."""
    parameters = warehouse.parameters("transformer")
    named = {
        "host": "DBT_HOST",
        "port": "DBT_PORT",
        "user": "DBT_USER",
        "password": "DBT_PASSWORD",
        "dbname": "DBT_DBNAME",
    }
    # The profile names five parameters; sslmode, the role among the options and the like reach libpq by its own names.
    own = {one.keyword.decode(): one.envvar.decode() for one in pq.Conninfo.get_defaults() if one.envvar}
    names = own | named
    return {names[key]: str(value) for key, value in parameters.items() if key in names}


@contextmanager
def locked(file: Path, what: str) -> Iterator[None]:
    """Hold a lock between processes; it ends with its holder, however that ends.

    Raises:
        WorkledgerError: another process has held it for half an hour.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file)
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        raise WorkledgerError(
            f"{what} is still under way in another process after {_PATIENCE_SECONDS / 60:.0f} minutes; "
            f"end that process, or wait and try again."
        ) from None
    try:
        yield
    finally:
        lock.release()
