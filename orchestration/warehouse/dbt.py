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
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import orjson
import psycopg
import yaml
from filelock import FileLock
from psycopg import pq
from psycopg.rows import dict_row

from assets.keys import published_schema
from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.descriptions import Description, describe, read_descriptions
from orchestration.warehouse.quick_dbt import quick_nodes
from orchestration.warehouse.state import (
    BuildState,
    Catalog,
    CutOff,
    Graph,
    LastBuild,
    Plan,
    absent,
    belonging_together,
    plan,
    read_graph,
    record_builds,
    unready_tests,
)
from orchestration.warehouse.turns import turn_at_raw
from sources.kit.visible import visible

DBT_FOLDER: Final = PROJECT_FOLDER / "dbt_project"
_NOT_INPUT: Final = frozenset({"target", "logs", "dbt_packages", "__pycache__"})
_MANIFEST: Final = "manifest.json"
_CATALOG: Final = "catalog.json"
_PARSED: Final = "partial_parse.msgpack"
# Results that dbt counts as failed; a node that is skipped because of them is not a failure of its own.
_BAD: Final = ("error", "fail", "runtime error", "partial success")


@dataclass(frozen=True)
class Manifest:
    """The parsed dbt project: a folder with `manifest.json` and the file that dbt reloads to skip parsing."""

    folder: Path

    def read(self) -> dict[str, Any]:
        """Return the contents of `manifest.json`."""
        return orjson.loads((self.folder / _MANIFEST).read_bytes())  # type: ignore[no-any-return]

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


class RawReaders:
    """Which nodes of a plan still read which raw schemas; a schema that none reads any more is let go."""

    def __init__(self, graph: Graph, planned: Plan, let_go: Callable[[str], None]) -> None:
        """Take the plan, and what lets go of a schema."""
        self._let_go = let_go
        self._turn = threading.Lock()
        self._readers: dict[str, set[str]] = {schema: set() for schema, _ in graph.sources.values()}
        for name in planned.nodes:
            for schema in graph.raw_schemas(name):
                self._readers[schema].add(name)
        self.finished(None)

    def finished(self, name: str | None) -> None:
        """Take in that a node has been built, has failed or is left out."""
        with self._turn:
            for schema in list(self._readers):
                self._readers[schema].discard(name or "")
                if not self._readers[schema]:
                    del self._readers[schema]
                    self._let_go(schema)


class DbtBuild:
    """One `dbt build`, run in a thread so that its events can be read while it works."""

    def __init__(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, Any],
        environment: Mapping[str, str],
        manifest: Manifest,
        graph: Graph,
        described: Mapping[tuple[str, str], Description],
        state: BuildState,
        chosen: Collection[str] | None = None,
    ) -> None:
        """Take what dbt needs, what was built before and what was chosen; the build starts when the events are read."""
        self._arguments = list(arguments)
        self._variables = variables
        self._environment = environment
        self._manifest = manifest
        self._graph = graph
        self._described = described
        self._state = state
        self._models = [name for name, node in graph.nodes.items() if node.relation]
        self._chosen = None if chosen is None else frozenset(chosen)
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._failures: list[str] = []
        self._broken_by: dict[str, str] = {}
        self._up_to_date: list[str] = []
        self._is_interrupted = threading.Event()
        # Of dbt's sessions.
        self._name = f"workledger build {uuid4().hex[:12]}"

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield dbt's log events of nodes (data and info, as in its JSON log) until the build ends.

        The event of a test that did not pass has `broken_by` in its data: how many rows, and the first of them.
        """
        # A daemon: an interrupted run must not wait for dbt, and the warehouse rolls back what was in progress.
        worker = threading.Thread(target=self._run, name="dbt build", daemon=True)
        with _variables({**self._environment, "PGAPPNAME": self._name}):
            worker.start()
            try:
                while (event := self._events.get()) is not None:
                    yield event
            except BaseException:
                self._is_interrupted.set()
                self._end_sessions()
                raise
            finally:
                worker.join(_LONGEST_END_SECONDS)

    def failures(self) -> Sequence[str]:
        """Return one sentence for every node that failed."""
        return self._failures

    @property
    def is_whole(self) -> bool:
        """Whether everything that is stale is built, and not only a part that was chosen."""
        return self._chosen is None or self._chosen.issuperset(self._models)

    def up_to_date(self) -> Sequence[str]:
        """Return the dbt ids of models and snapshots found up to date so far, and so not built again."""
        return self._up_to_date

    def has_nothing_to_do(self) -> bool:
        """Tell whether everything is up to date, which `up_to_date` then lists; dbt is not imported for it."""
        return self._chosen is None and not self._plan(*self._state.read(self._state.as_of or datetime.now(UTC))).nodes

    def describe(self) -> None:
        """Write descriptions and keys where the warehouse has others; every build ends with it."""
        describe(self._state.warehouse, self._described)

    def _plan(self, built: Mapping[str, LastBuild], now: Catalog) -> Plan:
        planned = plan(self._graph, built, now)
        if self._chosen is None:
            self._up_to_date = [name for name in self._models if name not in planned.nodes]
        return planned

    def _end_sessions(self) -> None:
        """End dbt's sessions: an interrupted build neither works on nor holds locks, and the warehouse rolls back."""
        with suppress(WarehouseError, psycopg.Error), self._state.warehouse.connect("transformer") as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s", (self._name,)
            )

    def _run(self) -> None:
        try:
            schemas = {schema for schema, _ in self._graph.sources.values()}
            with turn_at_raw(self._state.warehouse, "transformer", schemas) as let_go:
                self._build(let_go)
            self.describe()
        except Exception as error:  # noqa: BLE001 - reported by `failures`
            sentence = _common_cause(str(error)) or f"dbt could not build the warehouse: {error}"
            self._failures = [*(one for one in self._failures if one != sentence), sentence]
        finally:
            self._events.put(None)

    def _build(self, let_go: Callable[[str], None]) -> None:
        # One moment for dbt and for what is noted, so that midnight cannot pass between the two.
        moment = self._state.as_of or datetime.now(UTC)
        built, before = self._state.read(moment)
        planned = self._plan(built, before)
        marked: dict[str, Collection[str]] = {}
        selection: list[str] = []
        cut_off = None
        if self._chosen is None:
            if not planned.nodes:
                return
            cut_off = CutOff(self._graph, built, before, planned)
            if planned.nodes != self._graph.nodes.keys():
                # Tests are planned one by one, like models.
                marked = {_ALSO: planned.nodes}
                selection = ["--select", f"tag:{_ALSO}", "--indirect-selection", "empty"]
        else:
            # What a person selects is built in any case, together with what may only be published with it.
            together = belonging_together(self._graph, built, before, self._chosen)
            if further := together - self._chosen:
                marked[_ALSO] = further | self._graph.tests_of(further)
                selection += ["--select", f"tag:{_ALSO}"]
            if unready := unready_tests(self._graph, before, together):
                marked[_NOT] = unready
                selection += ["--exclude", f"tag:{_NOT}"]
        refresh = ["--full-refresh"] if planned.is_refresh else []
        with self._cutting_off(cut_off, planned, let_go), quick_nodes():
            result = self._invoke(marked, moment, [*selection, *refresh])
        results = [] if result.exception is not None else result.result.results
        unchanged = frozenset(cut_off.unchanged if cut_off else ())
        statuses = {one.node.unique_id: str(one.status) for one in results if one.node.unique_id not in unchanged}
        after = self._state.catalog(moment)
        self._failures = _failures(result, self._broken_by, partial(absent, self._graph, after))
        recorded = record_builds(self._graph, built, before, after, statuses, is_whole=self.is_whole)
        self._state.write(built, recorded)

    def _invoke(self, marked: Mapping[str, Iterable[str]], moment: date | datetime, arguments: Sequence[str]) -> Any:
        from dbt.cli.main import dbtRunner
        from dbt_common.events.functions import msg_to_dict

        manifest = self._manifest.load()

        def forward(message: Any) -> None:
            if message.info.level == "debug" or message.info.name not in _FORWARDED:
                return
            event = msg_to_dict(message)
            if message.info.name == "LogTestResult" and event["data"].get("status") == "error":
                event["data"]["broken_by"] = "it could not be run; the failure says why"
            elif rows := event["data"].get("num_failures"):
                name = event["data"]["node_info"]["unique_id"]
                event["data"]["broken_by"] = self._broken_by[name] = self._describe(
                    int(rows), manifest.nodes[name].compiled_code
                )
            self._events.put(event)

        variables = json.dumps({**self._variables, "as_of": moment.isoformat()})
        for tag, names in marked.items():
            for name in names:
                manifest.nodes[name].tags.append(tag)
        return dbtRunner(manifest=manifest, callbacks=[forward]).invoke(
            [*self._arguments, "--vars", variables, *arguments]
        )

    @contextmanager
    def _cutting_off(self, cut_off: CutOff | None, planned: Plan, let_go: Callable[[str], None]) -> Iterator[None]:
        """Let dbt leave out nodes that turn out not to be stale; without `cut_off`, none, and all of raw is held."""
        from dbt.artifacts.schemas.results import RunStatus
        from dbt.artifacts.schemas.run import RunResult
        from dbt.task.build import BuildTask

        with self._state.watched() as state:
            nodes = _Nodes(self._graph, state, cut_off, RawReaders(self._graph, planned, let_go) if cut_off else None)
            is_interrupted, up_to_date = self._is_interrupted, self._up_to_date

            class CuttingOff(BuildTask):
                def call_runner(self, runner: Any) -> Any:
                    name = runner.node.unique_id
                    if is_interrupted.is_set():
                        return RunResult.from_node(runner.node, RunStatus.Error, "interrupted")
                    if not runner.skip and nodes.is_unchanged(name):
                        if runner.node.resource_type != "test":
                            up_to_date.append(name)
                        result = RunResult.from_node(runner.node, RunStatus.Success, "unchanged")
                    else:
                        if nodes.has_only_followed_changes(name):
                            runner.node.tags.append(_CHANGED_ROWS)
                        result = super().call_runner(runner)
                        for _ in range(_RETRIES):
                            if _DEADLOCK not in str(result.message):
                                break
                            result = super().call_runner(runner)
                    nodes.finished(name)
                    return result

            # dbt's command imports its task each time.
            module = sys.modules[BuildTask.__module__]
            module.BuildTask = CuttingOff  # type: ignore[attr-defined]
            try:
                yield
            finally:
                module.BuildTask = BuildTask  # type: ignore[attr-defined]

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
# Postgres ends one of two transactions that wait for each other; it is not to blame, and tries again.
_DEADLOCK: Final = "deadlock detected"
_RETRIES: Final = 3
_LONGEST_END_SECONDS: Final = 10.0
_BUILD_IT_TOO: Final = "Select what it is built from as well, or build everything with `workledger run`."
# Tags given to nodes that a build also selects, or leaves out, while dbt builds them; they are in no file.
_ALSO: Final = "also"
_NOT: Final = "not"
# Tag given to a test that looks at changed rows alone (dbt_project/macros/changed_rows.sql); it is in no file, either.
_CHANGED_ROWS: Final = "changed_rows"


@dataclass(frozen=True)
class DbtProject:
    """The project and how it is built: what all invocations have in common."""

    manifest: Manifest
    settings: Settings = field(repr=False)
    project: Path = DBT_FOLDER

    def build(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        state: BuildState,
        chosen: Collection[str] | None = None,
    ) -> DbtBuild:
        """Prepare `dbt build` of what is stale, or of exactly what was chosen.

        Args:
            arguments: further arguments of dbt, such as a selection.
            environment: says where the warehouse is (profiles.yml).
            state: what was built there before.
            chosen: dbt ids of the models that the arguments select, or of all models; None is what is stale.
        """
        home = self.settings.home
        variables = dbt_variables(self.settings)
        manifest = self.manifest.read()
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
                *arguments,
            ],
            variables,
            environment,
            self.manifest,
            read_graph(manifest, {**_own_variables(self.project), **variables}),
            read_descriptions(manifest),
            state,
            chosen,
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
        manifest, catalog = self.manifest.read(), orjson.loads((folder / _CATALOG).read_bytes())
        for name, node in manifest["nodes"].items():
            schema = published_schema(node)
            if node["schema"] != schema:
                # Whoever reads the page finds the table where it is published.
                node["relation_name"] = str(node["relation_name"]).replace(f'"{node["schema"]}"', f'"{schema}"')
                node["schema"] = schema
                if described := catalog["nodes"].get(name):
                    described["metadata"]["schema"] = schema
        for model in manifest["semantic_models"].values():
            table = manifest["nodes"][model["depends_on"]["nodes"][0]]
            model["node_relation"] |= {"schema_name": table["schema"], "relation_name": table["relation_name"]}
        (folder / _MANIFEST).write_bytes(orjson.dumps(manifest))
        (folder / _CATALOG).write_bytes(orjson.dumps(catalog))

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


@dataclass(frozen=True)
class _Nodes:
    """What is told, while dbt runs, of each node that is finished; nothing here may fail, or dbt waits for the node."""

    graph: Graph
    state: Callable[[tuple[str, str]], str | None]
    cut_off: CutOff | None
    raw_readers: RawReaders | None

    def is_unchanged(self, name: str) -> bool:
        return self.cut_off is not None and self.cut_off.is_unchanged(name)

    def has_only_followed_changes(self, name: str) -> bool:
        return self.cut_off is not None and self.cut_off.has_only_followed_changes(name)

    def finished(self, name: str) -> None:
        if self.cut_off is not None and name in self.graph.nodes and name not in self.cut_off.unchanged:
            relation = self.graph.nodes[name].relation
            try:
                self.cut_off.built(name, self.state(relation) if relation else None)
            except psycopg.Error:
                # Unknown is another state than that of the last build.
                self.cut_off.built(name, None)
        if self.raw_readers is not None:
            with suppress(psycopg.Error):
                self.raw_readers.finished(name)


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


def _failures(result: Any, broken_by: Mapping[str, str], absent: Callable[[str], Sequence[str]]) -> list[str]:
    """One sentence for each node that failed; `absent` says which relations that a node reads do not exist."""
    if result.success:
        return []
    if result.exception is not None:
        return [
            _common_cause(str(result.exception)) or f"dbt could not build the warehouse: {_one_line(result.exception)}"
        ]
    sentences: dict[str, None] = {}
    for one in result.result:
        if str(one.status) in _BAD:
            if one.node.resource_type == "operation":
                reason = str(one.message).partition("error:")[2]
                sentences[_common_cause(reason) or f"{_NOT_PUBLISHED}: {_one_line(reason)}."] = None
                continue
            what = f"{one.node.resource_type} {one.node.name} ({one.node.original_file_path})"
            if rows := broken_by.get(one.node.unique_id):
                sentences[f"The {what} failed: {rows}."] = None
                continue
            if names := absent(one.node.unique_id):
                sentences[f"The {what} reads what is not built yet: {', '.join(names)}. {_BUILD_IT_TOO}"] = None
                continue
            # dbt's first line repeats the node's name and file.
            reason = re.sub(r"^\w+ Error in [^\n]*\)\s*\n", "", str(one.message or f"it ended as {one.status}"))
            # What ends every node is said once.
            sentences[_common_cause(reason) or f"The {what} failed: {_one_line(reason)}."] = None
    return list(sentences)


def _common_cause(reason: str) -> str | None:
    """A sentence on what is wrong with the server or its disk, None for anything else."""
    if "No space left on device" in reason or "disk full" in reason.lower():
        return f"The warehouse's disk is full: make room and run again. {_NOTHING_HALF}"
    if _LOST.search(reason):
        return f"The connection to the warehouse was lost: see that its server runs, and run again. {_NOTHING_HALF}"
    return None


_NOT_PUBLISHED: Final = "What was built is not published, and people read what they did before"
_NOTHING_HALF: Final = "Every table is as one build left it; the next run makes up for the rest."
_LOST: Final = re.compile(
    "server closed the connection|terminating connection|connection already closed|connection to server .* failed"
    "|SSL connection has been closed|the database system is |connection is closed|consuming input failed",
    re.IGNORECASE,
)


def _one_line(error: object) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[:3]).rstrip(".")
