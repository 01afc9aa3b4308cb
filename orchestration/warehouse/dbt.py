"""How dbt is run: the parsed project, kept by content, and `dbt build` within this process.

Which nodes are stale, and so built, is decided in `state`. dbt runs in-process because dagster-dbt has imported it
already: a separate process costs 3.5 s of imports, its `--version` question another 3 s, and keeping the manifest saves
the second of partial parsing (measured on 300 nodes: 7.4 s instead of 14.6 s).
"""

import hashlib
import json
import os
import queue
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
import yaml
from filelock import FileLock
from psycopg import pq
from psycopg.rows import dict_row

from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.state import BuildState, Graph, Plan, plan, read_graph, record_builds
from sources.kit.visible import visible

DBT_FOLDER: Final = PROJECT_FOLDER / "dbt_project"
_NOT_INPUT: Final = frozenset({"target", "logs", "dbt_packages", "__pycache__"})
_MANIFEST: Final = "manifest.json"
_PARSED: Final = "partial_parse.msgpack"
# Results that dbt counts as failed; a node that is skipped because of them is not a failure of its own.
_BAD: Final = ("error", "fail", "runtime error", "partial success")


@dataclass(frozen=True)
class Manifest:
    """The parsed dbt project: a folder with `manifest.json` and the file that dbt reloads to skip parsing."""

    folder: Path

    def read(self) -> dict[str, Any]:
        """Return the contents of `manifest.json`."""
        return json.loads((self.folder / _MANIFEST).read_bytes())  # type: ignore[no-any-return]

    def load(self) -> Any:
        """Return dbt's own object; new on every call, because a build changes it."""
        from dbt.contracts.graph.manifest import Manifest as DbtManifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        return DbtManifest.from_msgpack((self.folder / _PARSED).read_bytes(), decoder=extended_mashumuro_decoder)


def prepare_manifest(home: Path, database: str, project: Path = DBT_FOLDER) -> Manifest:
    """Parse the dbt project, or return the manifest of the same content; needs neither warehouse nor environment.

    Args:
        home: folder of the project's own state.
        database: name of the warehouse's database, which is part of every relation's name.
        project: the dbt project.

    Raises:
        WarehouseError: the project does not parse, with dbt's own reason.
    """
    store = home / "dbt"
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"{store} cannot be written ({error.strerror}); set WORKLEDGER_HOME to a writable folder."
        ) from None
    folder = store / f"manifest-{_fingerprint(project, database)}"
    with FileLock(store / "manifest.lock"):
        if not (folder / _MANIFEST).exists():
            _parse(project, database, store, folder)
    return Manifest(folder)


class DbtBuild:
    """One `dbt build`, run in a thread so that its events can be read while it works."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        manifest: Manifest,
        graph: Graph,
        state: BuildState,
    ) -> None:
        """Take what dbt needs and what was built before; the build starts when the events are read."""
        self._arguments = list(arguments)
        self._environment = environment
        self._manifest = manifest
        self._graph = graph
        self._state = state
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._failures: list[str] = []
        self._broken_by: dict[str, str] = {}
        self._up_to_date: list[str] = []

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield dbt's log events of nodes (data and info, as in its JSON log) until the build ends.

        The event of a test that did not pass has `broken_by` in its data: how many rows, and the first of them.
        """
        # A daemon: an interrupted run must not wait for dbt, and the warehouse rolls back what was in progress.
        worker = threading.Thread(target=self._run, name="dbt build", daemon=True)
        with _variables(self._environment):
            worker.start()
            while (event := self._events.get()) is not None:
                yield event
            worker.join()

    def failures(self) -> Sequence[str]:
        """Return one sentence for every node that failed."""
        return self._failures

    def up_to_date(self) -> Sequence[str]:
        """Return the dbt ids of models and snapshots that are up to date and so were not built again."""
        return self._up_to_date

    def _run(self) -> None:
        try:
            built, before = self._state.read()
            planned = plan(self._graph, built, before)
            is_whole = "--select" not in self._arguments
            if is_whole:
                self._up_to_date = [
                    name for name, node in self._graph.nodes.items() if node.relation and name not in planned.nodes
                ]
            if is_whole and not planned.nodes:
                return
            result = self._invoke(planned, is_whole=is_whole)
            self._failures = _failures(result, self._broken_by)
            results = [] if result.exception is not None else result.result.results
            statuses = {one.node.unique_id: str(one.status) for one in results}
            after = self._state.catalog()
            name = str(uuid4())
            recorded = record_builds(self._graph, built, before, after, statuses, name, is_whole=is_whole)
            self._state.write(built, recorded)
        except Exception as error:  # noqa: BLE001 - reported by `failures`
            self._failures = [*self._failures, f"dbt could not build the warehouse: {error}"]
        finally:
            self._events.put(None)

    def _invoke(self, planned: Plan, *, is_whole: bool) -> Any:
        from dbt.cli.main import dbtRunner
        from dbt_common.events.functions import msg_to_dict

        manifest = self._manifest.load()

        def forward(message: Any) -> None:
            if message.info.level == "debug" or message.info.name not in _FORWARDED:
                return
            event = msg_to_dict(message)
            if rows := event["data"].get("num_failures"):
                name = event["data"]["node_info"]["unique_id"]
                event["data"]["broken_by"] = self._broken_by[name] = self._describe(
                    int(rows), manifest.nodes[name].compiled_code
                )
            self._events.put(event)

        arguments = [*self._arguments, *(["--full-refresh"] if planned.is_refresh else [])]
        if is_whole and planned.nodes != self._graph.nodes.keys():
            for name in planned.nodes:
                manifest.nodes[name].tags.append(_PLANNED)
            # Tests are planned one by one, like models.
            arguments += ["--select", f"tag:{_PLANNED}", "--indirect-selection", "empty"]
        return dbtRunner(manifest=manifest, callbacks=[forward]).invoke(arguments)

    def _describe(self, rows: int, query: str) -> str:
        """Say how many rows break a test, and what is in the first of them; dbt itself only counts them."""
        sentence = f"{rows:,} row breaks it" if rows == 1 else f"{rows:,} rows break it"
        try:
            with (
                self._state.warehouse.connect("transformer") as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                examples = cursor.execute(f"select * from (\n{query}\n) as failing limit {_EXAMPLES}").fetchall()
        except psycopg.Error as error:
            return f"{sentence}; they cannot be shown: {_one_line(error)}"
        shown = "; ".join(
            ", ".join(
                f"{name} = {visible(str(value)[:_LONGEST_SHOWN])}" for name, value in row.items() if value is not None
            )
            for row in examples
        )
        return f"{sentence}, such as {shown}" if shown else sentence


# Rows of a test that does not pass which are shown, and characters of each value.
_EXAMPLES: Final = 3
_LONGEST_SHOWN: Final = 100
_FORWARDED: Final = frozenset({"LogModelResult", "LogSnapshotResult", "LogTestResult"})
# A tag given to the nodes of a plan while dbt builds them; it is in no file.
_PLANNED: Final = "planned"


@dataclass(frozen=True)
class DbtProject:
    """The project and how it is built: what all invocations have in common."""

    manifest: Manifest
    settings: Settings = field(repr=False)
    project: Path = DBT_FOLDER

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], state: BuildState) -> DbtBuild:
        """Prepare `dbt build` of what is stale, or of exactly what a selection among the arguments names.

        Args:
            arguments: further arguments of dbt, such as a selection.
            environment: says where the warehouse is (profiles.yml).
            state: what was built there before.
        """
        home = self.settings.home
        variables = dbt_variables(self.settings)
        return DbtBuild(
            [
                "build",
                # Unit tests check the code, not the data: `make test` runs them; here they were two thirds of the time.
                "--exclude-resource-type",
                "unit_test",
                *_common_arguments(self.project, home / "dbt" / "target"),
                "--log-path",
                str(home / "logs"),
                "--log-level-file",
                "info",
                # Nobody reads the artifacts of a build here, and writing them takes a tenth of its time.
                "--no-write-json",
                *(["--vars", json.dumps(variables)] if variables else []),
                *arguments,
            ],
            environment,
            self.manifest,
            read_graph(self.manifest.read(), {**_own_variables(self.project), **variables}),
            state,
        )

    def document(self, environment: Mapping[str, str], folder: Path) -> None:
        """Write dbt's documentation: a page with every model, column, test and the graph between them.

        Args:
            environment: says where the warehouse is (profiles.yml).
            folder: where `index.html` and the files that it reads are written.

        Raises:
            WarehouseError: dbt could not write it, with its own reason.
        """
        folder.mkdir(parents=True, exist_ok=True)
        result = self._documentation("generate", environment, folder, "--no-compile")
        if not result.success:
            raise WarehouseError(
                f"The documentation cannot be written: {_one_line(result.exception or 'see dbt.log')}."
            )
        # Without compiling, dbt writes the catalogue and the page but not the manifest that the page reads.
        shutil.copy(self.manifest.folder / _MANIFEST, folder / _MANIFEST)

    def serve_documentation(self, environment: Mapping[str, str], folder: Path, port: int) -> None:
        """Serve what `document` wrote on 127.0.0.1 until the process is interrupted."""
        self._documentation("serve", environment, folder, "--host", "127.0.0.1", "--port", str(port), "--no-browser")

    def _documentation(self, command: str, environment: Mapping[str, str], folder: Path, *arguments: str) -> Any:
        from dbt.cli.main import dbtRunner

        common = [*_common_arguments(self.project, folder), "--log-path", str(self.settings.home / "logs")]
        with _variables(environment):
            return dbtRunner(manifest=self.manifest.load()).invoke(["docs", command, *common, *arguments])


def dbt_variables(settings: Settings) -> dict[str, str]:
    """Return the variables whose values differ from those in `dbt_project.yml`."""
    variables: dict[str, str] = {}
    if settings.as_of is not None:
        variables["as_of"] = settings.as_of.isoformat()
    if settings.worklog_route != "tempo":
        variables["worklog_route"] = settings.worklog_route
    if settings.session_text != "redacted":
        variables["session_text"] = settings.session_text
    return variables


def dbt_environment(warehouse: Warehouse) -> dict[str, str]:
    """Return the environment variables with which dbt's profile, and libpq below it, connect as role transformer."""
    parameters = warehouse.parameters("transformer")
    named = {
        "host": "DBT_HOST",
        "port": "DBT_PORT",
        "user": "DBT_USER",
        "password": "DBT_PASSWORD",
        "dbname": "DBT_DBNAME",
    }
    # The profile names five parameters; others, such as sslmode or the options with the role, reach libpq directly.
    own = {one.keyword.decode(): one.envvar.decode() for one in pq.Conninfo.get_defaults() if one.envvar}
    names = own | named
    return {names[key]: str(value) for key, value in parameters.items() if key in names}


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _own_variables(project: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((project / "dbt_project.yml").read_text()).get("vars", {}))


def _common_arguments(project: Path, target: Path) -> list[str]:
    return [
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target-path",
        str(target),
        "--no-use-colors",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
        "--quiet",
        "--log-level",
        "none",
    ]


def _fingerprint(project: Path, database: str) -> str:
    digest = hashlib.blake2b(f"{version('dbt-core')} {version('dbt-postgres')} {database}".encode(), digest_size=12)
    for folder, names, files in os.walk(project):
        names[:] = sorted(name for name in names if name not in _NOT_INPUT)
        for file in sorted(files):
            path = Path(folder, file)
            digest.update(str(path.relative_to(project)).encode() + b"\0")
            digest.update(hashlib.blake2b(path.read_bytes(), digest_size=12).digest())
    return digest.hexdigest()


def _parse(project: Path, database: str, store: Path, folder: Path) -> None:
    from dbt.cli.main import dbtRunner

    former = sorted(store.glob("manifest-*/"), key=lambda one: one.stat().st_mtime)
    with tempfile.TemporaryDirectory(dir=store) as temporary:
        target = Path(temporary, folder.name)
        target.mkdir()
        if former:
            shutil.copy(former[-1] / _PARSED, target / _PARSED)
        with _variables({"DBT_DBNAME": database}):
            result = dbtRunner().invoke(["parse", *_common_arguments(project, target), "--log-level-file", "none"])
        if not result.success:
            raise WarehouseError(f"The dbt project in {project} does not parse: {_one_line(result.exception)}")
        for file in target.iterdir():
            if file.name not in (_MANIFEST, _PARSED):
                file.unlink()
        target.rename(folder)
    # A process that started earlier may still need its manifest.
    for one in former[:-3]:
        shutil.rmtree(one, ignore_errors=True)


@contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for dbt, whose profile reads only the environment; restore them afterwards."""
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _failures(result: Any, broken_by: Mapping[str, str]) -> list[str]:
    if result.success:
        return []
    if result.exception is not None:
        return [f"dbt could not build the warehouse: {_one_line(result.exception)}"]
    sentences = []
    for one in result.result:
        if str(one.status) in _BAD:
            what = f"{one.node.resource_type} {one.node.name} ({one.node.original_file_path})"
            if rows := broken_by.get(one.node.unique_id):
                sentences.append(f"The {what} failed: {rows}.")
                continue
            # dbt's first line repeats the node's name and file.
            reason = re.sub(r"^\w+ Error in [^\n]*\)\s*\n", "", str(one.message or f"it ended as {one.status}"))
            sentences.append(f"The {what} failed: {_one_line(reason)}.")
    return sentences


def _one_line(error: object) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[:3]).rstrip(".")
