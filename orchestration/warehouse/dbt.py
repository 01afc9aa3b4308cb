"""How dbt is invoked: the manifest, kept by content, and `dbt build` within this process. No models, no assets here.

What a build takes in is decided in `news`.

dbt runs in-process because dagster-dbt has imported it anyway: a process of its own costs 3.5 s of imports, its
`--version` question another 3 s, and a manifest that is at hand saves the second of partial parsing (benchmarked on 300
nodes: 7.4 s instead of 14.6 s).
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

import yaml
from filelock import FileLock

from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.state import BuildMemory, Graph, Plan, plan, read_graph, settle

DBT_FOLDER: Final = PROJECT_FOLDER / "dbt_project"
_NOT_INPUT: Final = frozenset({"target", "logs", "dbt_packages", "__pycache__"})
_MANIFEST: Final = "manifest.json"
_PARSED: Final = "partial_parse.msgpack"
# dbt calls these results bad; what follows from them is skipped, which is no failure of its own.
_BAD: Final = ("error", "fail", "runtime error", "partial success")


@dataclass(frozen=True)
class Manifest:
    """dbt's project, parsed: a folder with `manifest.json` and what dbt reloads to skip parsing."""

    folder: Path

    def read(self) -> dict[str, Any]:
        """Return the contents of `manifest.json`."""
        return json.loads((self.folder / _MANIFEST).read_bytes())  # type: ignore[no-any-return]

    def load(self) -> Any:
        """Return dbt's own object, new on every call, because a build changes it."""
        from dbt.contracts.graph.manifest import Manifest as DbtManifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        return DbtManifest.from_msgpack((self.folder / _PARSED).read_bytes(), decoder=extended_mashumuro_decoder)


def prepare_manifest(home: Path, database: str, project: Path = DBT_FOLDER) -> Manifest:
    """Parse the dbt project unless a manifest of the same content is at hand; needs no warehouse and no environment.

    Args:
        home: folder of the project's own state.
        database: name of the warehouse's database, which stands in every relation's name.
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
    """One `dbt build` that runs in a thread, so that its events can be handed on while it works."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        manifest: Manifest,
        graph: Graph,
        memory: BuildMemory,
    ) -> None:
        """Take what dbt needs, and what was built before; it begins when the events are asked for."""
        self._arguments = list(arguments)
        self._environment = environment
        self._manifest = manifest
        self._graph = graph
        self._memory = memory
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._failures: list[str] = []
        self._up_to_date: list[str] = []

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield dbt's log events of nodes (data and info, as in its JSON log) until the build is through."""
        # A daemon: an interrupted run must not wait for dbt, and the warehouse rolls back what was under way.
        worker = threading.Thread(target=self._run, name="dbt build", daemon=True)
        with _variables(self._environment):
            worker.start()
            while (event := self._events.get()) is not None:
                yield event
            worker.join()

    def failures(self) -> Sequence[str]:
        """Return one sentence for every node that failed, empty when all is well."""
        return self._failures

    def up_to_date(self) -> Sequence[str]:
        """Return the dbt ids of models and snapshots that have no news and so were not built again."""
        return self._up_to_date

    def _run(self) -> None:
        try:
            built, before = self._memory.read()
            planned = plan(self._graph, built, before)
            is_whole = "--select" not in self._arguments
            if is_whole:
                self._up_to_date = [
                    name for name, node in self._graph.nodes.items() if node.relation and name not in planned.nodes
                ]
            if is_whole and not planned.nodes:
                return
            result = self._invoke(planned, is_whole=is_whole)
            self._failures = _failures(result)
            results = [] if result.exception is not None else result.result.results
            statuses = {one.node.unique_id: str(one.status) for one in results}
            after = self._memory.catalog()
            name = str(uuid4())
            settled = settle(self._graph, built, before, after, statuses, name, is_whole=is_whole)
            self._memory.write(built, settled)
        except Exception as error:  # noqa: BLE001 - handed to the reader of `failures`
            self._failures = [*self._failures, f"dbt could not build the warehouse: {error}"]
        finally:
            self._events.put(None)

    def _invoke(self, planned: Plan, *, is_whole: bool) -> Any:
        from dbt.cli.main import dbtRunner
        from dbt_common.events.functions import msg_to_dict

        def forward(message: Any) -> None:
            if message.info.level != "debug" and message.info.name in _FORWARDED:
                self._events.put(msg_to_dict(message))

        manifest = self._manifest.load()
        arguments = [*self._arguments, *(["--full-refresh"] if planned.is_refresh else [])]
        if is_whole and planned.nodes != self._graph.nodes.keys():
            for name in planned.nodes:
                manifest.nodes[name].tags.append(_PLANNED)
            # Tests are planned one by one, like models.
            arguments += ["--select", f"tag:{_PLANNED}", "--indirect-selection", "empty"]
        return dbtRunner(manifest=manifest, callbacks=[forward]).invoke(arguments)


_FORWARDED: Final = frozenset({"LogModelResult", "LogSnapshotResult", "LogTestResult"})
# A tag that the nodes of a plan bear while dbt builds them; it stands in no file.
_PLANNED: Final = "planned"


@dataclass(frozen=True)
class DbtProject:
    """The project and how it is built: what every invocation has in common."""

    manifest: Manifest
    settings: Settings = field(repr=False)
    project: Path = DBT_FOLDER

    def build(self, arguments: Sequence[str], environment: Mapping[str, str], memory: BuildMemory) -> DbtBuild:
        """Prepare `dbt build`: of what has news, or of just what a selection among the arguments names.

        Args:
            arguments: further arguments of dbt, such as a selection.
            environment: says where the warehouse is (profiles.yml).
            memory: what was built there before.
        """
        home = self.settings.home
        variables = dbt_variables(self.settings)
        return DbtBuild(
            [
                "build",
                # Unit tests hold the code, not the data: `make test` runs them; here they were two thirds of the time.
                "--exclude-resource-type",
                "unit_test",
                *_common_arguments(self.project, home / "dbt" / "target"),
                "--log-path",
                str(home / "logs"),
                "--log-level-file",
                "info",
                # Artifacts of a build are read by nobody here, and writing them takes a tenth of it.
                "--no-write-json",
                *(["--vars", json.dumps(variables)] if variables else []),
                *arguments,
            ],
            environment,
            self.manifest,
            read_graph(self.manifest.read(), {**_own_variables(self.project), **variables}),
            memory,
        )

    def document(self, environment: Mapping[str, str], folder: Path) -> None:
        """Write dbt's documentation: a page with every model, column, test and the graph between them.

        Args:
            environment: says where the warehouse is (profiles.yml).
            folder: where `index.html` and the files that it reads are written.

        Raises:
            WarehouseError: dbt could not write it, with its own reason.
        """
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
    """Return the variables that differ from `dbt_project.yml`'s own."""
    variables: dict[str, str] = {}
    if settings.as_of is not None:
        variables["as_of"] = settings.as_of.isoformat()
    if settings.worklog_route != "tempo":
        variables["worklog_route"] = settings.worklog_route
    if settings.session_text != "redacted":
        variables["session_text"] = settings.session_text
    return variables


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
    # A process that began earlier may still need its own.
    for one in former[:-3]:
        shutil.rmtree(one, ignore_errors=True)


@contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Lend variables to dbt, whose profile reads the environment and nothing else."""
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


def _failures(result: Any) -> list[str]:
    if result.success:
        return []
    if result.exception is not None:
        return [f"dbt could not build the warehouse: {_one_line(result.exception)}"]
    sentences = []
    for one in result.result:
        if str(one.status) in _BAD:
            what = f"{one.node.resource_type} {one.node.name} ({one.node.original_file_path})"
            # dbt begins with a line that repeats the node's name and file.
            reason = re.sub(r"^\w+ Error in [^\n]*\)\s*\n", "", str(one.message or f"it ended as {one.status}"))
            sentences.append(f"The {what} failed: {_one_line(reason)}.")
    return sentences


def _one_line(error: object) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[:3]).rstrip(".")
