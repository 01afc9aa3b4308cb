"""`workledger run` and `workledger ui`: the asset graph materialized in this process, or shown. No rules here."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import dagster as dg
import psutil
from dagster._core.instance.ref import InstanceRef
from rich.console import Console
from rich.status import Status

from assets.keys import raw_key
from assets.raw import READ, SKIPPED, WRITTEN, LandedTable
from assets.warehouse import FAILURES, ROW_COUNT, ROWS_WRITTEN, UP_TO_DATE
from orchestration.errors import WorkledgerError
from orchestration.graph.build import BUILD_JOB, LOAD_JOB, build_definitions
from orchestration.inputs.configuration import open_inputs
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.opening import open_warehouse
from sources.catalog import SOURCES

_PROCESS_TAG: Final = "workledger/process"
_UNDER_WAY: Final = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED)
_UI_PORT: Final = 3000
_SECONDS_BETWEEN_LINES: Final = 5.0

_DAGSTER_YAML: Final = """\
# Written by Workledger at every start; runs, schedules and events of the asset graph live beside it.
storage:
  custom:
    module: orchestration.graph.storage
    class: QuickSqliteStorage
    config:
      base_dir: {folder}
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 5
freshness:
  enabled: true
"""
# One process shows its own progress; capturing its output would start a helper process for every step.
_IN_PROCESS: Final = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}


@dataclass(frozen=True)
class BuiltTable:
    """A model or snapshot that was built, as schema.name, and its rows: all of a table, or those that were added.

    Both are None for views.
    """

    name: str
    rows: int | None = None
    added: int | None = None


@dataclass
class RunSummary:
    """What a run did: what landed per source and table, what was built, which checks passed, what failed and why."""

    landed: dict[str, dict[str, LandedTable]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    built: list[BuiltTable] = field(default_factory=list)
    up_to_date: int = 0
    checks_passed: int = 0
    warnings: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Whether everything that was asked for is loaded, built and sound."""
        return not self.failures and not self.failed_checks

    def print_to(self, console: Console, log_file: Path) -> None:
        """Print the summary and where to look next."""
        console.print()
        console.rule(f"What this run did, in {self.seconds:.0f} s", align="left", style="dim")
        self._print_landed(console)
        self._print_built(console)
        if self.failures or self.failed_checks:
            console.print("\n[bold red]Failed[/]")
            for sentence in [*self.failures, *self.failed_checks]:
                console.print(f"  {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
            console.print(f"  The whole account is in {log_file}.", markup=False, highlight=False, soft_wrap=True)
        console.print("\n[bold]Look next[/]")
        for command, what in (
            ("workledger ui", "the asset graph, its runs and checks in a browser"),
            ('workledger sql "select * from marts.developers"', "any query, as role analyst"),
            ("workledger dsn", "the DSN for psql, DBeaver or a BI tool"),
        ):
            console.print(f"  {command:<48} {what}", markup=False, highlight=False, soft_wrap=True)

    def _print_landed(self, console: Console) -> None:
        if self.landed or self.skipped:
            console.print("\n[bold]Landed[/] (rows new or changed, of rows read)")
        for source, tables in self.landed.items():
            parts = [f"{name} {one.written:,}/{one.read:,}" for name, one in tables.items() if one.read]
            counters = {key: value for one in tables.values() for key, value in one.counters.items()}
            if counters.get("bytes_read"):
                parts.append(f"{counters['bytes_read']:,} bytes")
            console.print(
                f"  {SOURCES[source].title}: {', '.join(parts) or 'nothing new'}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        for sentence in self.skipped.values():
            console.print(f"  {sentence}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    def _print_built(self, console: Console) -> None:
        if self.built or self.up_to_date:
            rest = f"; {self.up_to_date} have no news and stay as they are" if self.up_to_date else ""
            console.print(f"\n[bold]Built[/] {len(self.built)} tables and views{rest}")
            for schema in ("marts", "private", "registry"):
                named = [
                    one.name.removeprefix(schema + ".") + (f" +{one.added:,}" if one.rows is None else f" {one.rows:,}")
                    for one in self.built
                    if one.name.startswith(schema + ".") and (one.rows is not None or one.added is not None)
                ]
                if named:
                    console.print(f"  {schema}: {', '.join(named)}", markup=False, highlight=False, soft_wrap=True)
        total = self.checks_passed + len(self.warnings) + len(self.failed_checks)
        if total:
            console.print(
                f"\n[bold]Checked[/] {total} rules: {self.checks_passed} hold, {len(self.warnings)} warn, "
                f"{len(self.failed_checks)} are broken"
            )
            for sentence in self.warnings:
                console.print(f"  {sentence}", style="yellow", markup=False, highlight=False, soft_wrap=True)


class TerminalListener:
    """Shows a run while it runs: a line per source, and one that counts while dbt builds."""

    def __init__(self, console: Console) -> None:
        """Take the console to print to."""
        self._console = console
        self._status: Status | None = None
        self._began = time.monotonic()
        self._last_line = 0.0
        self._what = ""

    def says(self, sentence: str) -> None:
        """Print a sentence about preparations."""
        self._line(f"→ {sentence}")

    def begins(self, what: str) -> None:
        """Show what is under way."""
        self.ends()
        self._began = self._last_line = time.monotonic()
        self._what = what
        if self._console.is_terminal:
            self._status = self._console.status(f"{what} …")
            self._status.start()
        else:
            self._line(f"→ {what} …")

    def landed(self, title: str, tables: Mapping[str, LandedTable]) -> None:
        """Print what a source's load wrote."""
        written, read = (sum(getattr(one, name) for one in tables.values()) for name in ("written", "read"))
        self._done(f"{title}: {written:,} rows new or changed, of {read:,} read" if read else f"{title}: nothing new")

    def skipped(self, sentence: str) -> None:
        """Print why a source is skipped."""
        self._done(sentence)

    def failed(self, sentence: str) -> None:
        """Print what failed."""
        self.ends()
        self._line(f"✗ {sentence}", style="red")

    def built(self, node: str, done: int, total: int) -> None:
        """Count the nodes of the warehouse."""
        if self._status is not None:
            self._status.update(f"Warehouse: {done} of {total} models and tests ({node})")
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._line(f"  {done} of {total} models and tests")

    def finished(self, count: int, failed: int, up_to_date: int) -> None:
        """Print that the warehouse is through."""
        self._done(
            f"Warehouse: {count} models and tests"
            + (f", {failed} of them failed" if failed else "")
            + (f"; {up_to_date} models have no news" if up_to_date else "")
        )

    def ends(self) -> None:
        """Take the moving line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _done(self, text: str) -> None:
        self.ends()
        self._line(f"✓ {text} ({time.monotonic() - self._began:.1f} s)")

    def _line(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def noise_to(log_file: Path) -> Iterator[None]:
    """Send what the libraries print to a file; the file of the last time is replaced."""
    # It stays open: libraries keep the stream for their own loggers.
    stream = log_file.open("w", buffering=1)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield


def process_tags() -> dict[str, str]:
    """Tags of a run in this process: whose it is, so that a killed one is buried, and that nobody starts it again."""
    return {_PROCESS_TAG: _this_process(), "dagster/max_retries": "0"}


def run(settings: Settings, selection: str | None = None, console: Console | None = None) -> RunSummary:
    """Load what is new and build the warehouse, in this process; print progress, then the summary.

    A source that fails stops neither the others nor the warehouse, which is built on what is there.

    Args:
        settings: where things are.
        selection: Dagster's selection syntax, such as `group:clockify` or `key:"marts/developers"`; None is everything.
        console: where to print; standard output by default.

    Raises:
        WorkledgerError: the run cannot even begin, or the selection selects nothing.
    """
    # Taken before standard output is redirected.
    console = console or Console(file=sys.stdout)
    listener = TerminalListener(console)
    began = time.monotonic()
    summary = RunSummary()
    log_file = log_folder(settings) / "run.log"
    with noise_to(log_file):
        definitions = _prepare(settings, listener)
        instance = open_instance(settings, in_process=True)
        try:
            _bury_the_dead(instance)
            for job_name, keys in _parts(definitions, selection):
                result = _execute(definitions, instance, job_name, keys)
                _collect(summary, result)
        finally:
            listener.ends()
            instance.dispose()
    summary.seconds = time.monotonic() - began
    summary.print_to(console, log_file)
    return summary


def ui(settings: Settings, port: int = _UI_PORT) -> NoReturn:
    """Become Dagster's UI on 127.0.0.1; schedules, sensors and the automation condition work while it runs.

    This process is replaced, so that whatever ends it, a signal or a closed terminal, reaches Dagster and its helpers.

    Raises:
        WorkledgerError: the warehouse cannot be started.
    """
    open_warehouse(settings)
    folder = dagster_folder(settings)
    print(f"The asset graph is at http://127.0.0.1:{port} in a few seconds; Ctrl+C ends it.", flush=True)
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-w", str(PROJECT_FOLDER / "workspace.yaml")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder),
        # Relative paths were meant from where the user is, not from where Dagster runs.
        **settings.as_environment(),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_FOLDER), os.environ.get("PYTHONPATH")])),
    }
    os.chdir(PROJECT_FOLDER)
    os.execve(sys.executable, command, environment)  # noqa: S606 - there is nothing for a shell to read


def dagster_folder(settings: Settings) -> Path:
    """Return Dagster's home, with its settings written."""
    folder = settings.home / "dagster"
    _make(folder)
    (folder / "dagster.yaml").write_text(_DAGSTER_YAML.format(folder=json.dumps(str(folder))))
    return folder


def log_folder(settings: Settings) -> Path:
    """Return the folder of logs."""
    return _make(settings.home / "logs")


def open_instance(settings: Settings, *, in_process: bool = False) -> dg.DagsterInstance:
    """Open the project's own Dagster instance, which `workledger ui` shows.

    Args:
        settings: where the home is.
        in_process: the caller runs steps itself and shows their progress.
    """
    reference = InstanceRef.from_dir(str(dagster_folder(settings)), overrides=_IN_PROCESS if in_process else None)
    return dg.DagsterInstance.from_ref(reference)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _prepare(settings: Settings, listener: TerminalListener) -> dg.Definitions:
    """Start what sources and dbt need, in processes of their own, while this one parses the dbt project."""

    def start() -> None:
        open_warehouse(settings, listener.says)
        open_inputs(settings, listener.says)

    with ThreadPoolExecutor(1) as helper:
        started = helper.submit(start)
        definitions = build_definitions(settings, listener=listener)
        started.result()
    return definitions


def _make(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkledgerError(
            f"{folder} cannot be written ({error.strerror}); set WORKLEDGER_HOME to a writable folder."
        ) from None
    return folder


def _bury_the_dead(instance: dg.DagsterInstance) -> None:
    """Mark runs of killed processes as failed, so that nothing waits for them."""
    for one in instance.get_runs(dg.RunsFilter(statuses=list(_UNDER_WAY))):
        process = one.tags.get(_PROCESS_TAG)
        if process and not _is_alive(process):
            instance.report_run_failed(one, "The process that ran it was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(one.run_id)


def _this_process() -> str:
    return f"{os.getpid()}:{psutil.Process().create_time():.0f}"


def _is_alive(process: str) -> bool:
    number, _, created = process.partition(":")
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == created
    except psutil.NoSuchProcess:
        return False


def _parts(definitions: dg.Definitions, selection: str | None) -> list[tuple[str, list[dg.AssetKey]]]:
    """The selection in two runs, so that a load that fails does not keep the warehouse from being built."""
    graph = definitions.resolve_asset_graph()
    raw = {raw_key(spec.name, table.name) for spec in SOURCES.values() for table in spec.tables}
    if selection is None:
        chosen = set(graph.executable_asset_keys)
    else:
        try:
            chosen = set(dg.AssetSelection.from_string(selection).resolve(graph))
        except dg.DagsterError as error:
            raise WorkledgerError(f"The selection {selection!r} cannot be read: {str(error).splitlines()[0]}") from None
        if not chosen:
            raise WorkledgerError(f"The selection {selection!r} selects no asset; `workledger ui` shows their names.")
    # The tables of a source are loaded together.
    sources = {key.path[0] for key in chosen & raw}
    loads = sorted(key for key in raw if key.path[0] in sources)
    builds = sorted(chosen - raw)
    return [(name, keys) for name, keys in ((LOAD_JOB, loads), (BUILD_JOB, builds)) if keys]


def _execute(
    definitions: dg.Definitions, instance: dg.DagsterInstance, job_name: str, keys: Sequence[dg.AssetKey]
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def(job_name)
    whole = set(keys) == set(job.asset_layer.selected_asset_keys)
    return job.execute_in_process(
        instance=instance,
        asset_selection=None if whole else list(keys),
        raise_on_error=False,
        tags=process_tags(),
    )


def _collect(summary: RunSummary, result: dg.ExecuteInProcessResult) -> None:
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        metadata: dict[str, Any] = {name: one.value for name, one in materialization.metadata.items()}
        if READ in metadata:
            _collect_landed(summary, materialization.asset_key.path, metadata)
        elif UP_TO_DATE in metadata:
            summary.up_to_date += 1
        else:
            name = ".".join(materialization.asset_key.path)
            summary.built.append(BuiltTable(name, metadata.get(ROW_COUNT), metadata.get(ROWS_WRITTEN)))
    for check in result.get_asset_check_evaluations():
        what = f"{check.check_name} on {'.'.join(check.asset_key.path)}"
        rows = check.metadata.get("dagster_dbt/failed_row_count")
        detail = check.description or (f"{rows.value} rows" if rows else "")
        sentence = f"{what}: {detail}" if detail else what
        if check.passed:
            summary.checks_passed += 1
        elif check.severity is dg.AssetCheckSeverity.WARN:
            summary.warnings.append(sentence)
        else:
            summary.failed_checks.append(sentence)
    for event in result.filter_events(lambda one: one.is_step_failure):
        summary.failures.extend(_sentences(event.step_failure_data))
    if not result.success and not summary.failures:
        summary.failures.append("The run ended before its first step; see the log.")


def _collect_landed(summary: RunSummary, path: Sequence[str], metadata: Mapping[str, Any]) -> None:
    source, table = path
    if note := metadata.get(SKIPPED):
        summary.skipped[source] = note
        return
    counters = {
        key: value for key, value in metadata.items() if key not in (READ, WRITTEN) and not key.startswith("dagster/")
    }
    summary.landed.setdefault(source, {})[table] = LandedTable(metadata[READ], metadata[WRITTEN], counters)


def _sentences(failure: Any) -> list[str]:
    """What a step raised, for a reader: its own sentences where it has some, else the innermost error."""
    if failure.user_failure_data is not None:
        metadata = failure.user_failure_data.metadata
        if FAILURES in metadata:
            return [str(sentence) for sentence in metadata[FAILURES].value]
        return [failure.user_failure_data.description]
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return [" ".join(str(error.message).split()) if error else "A step failed without a reason."]
