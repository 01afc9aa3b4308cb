"""`workledger run`: the asset graph, materialized in this process."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import dagster as dg
from rich.console import Console

from assets.keys import raw_key
from assets.nodes import verification
from orchestration.commands.ending import ends_by_sigterm
from orchestration.commands.summary import RunSummary, collect
from orchestration.commands.terminal import TerminalListener, output_to, print_summary
from orchestration.errors import WorkledgerError
from orchestration.graph.build import (
    BUILD_JOB,
    LOAD_JOB,
    Resources,
    build_definitions,
    load_definitions,
    open_resources,
)
from orchestration.graph.instance import log_folder, open_instance
from orchestration.graph.locks import acting_as
from orchestration.graph.processes import bury_dead_runs, process_tags
from orchestration.graph.resources import WarehouseTransformer
from orchestration.inputs.configuration import open_inputs
from orchestration.settings import Settings
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.reference_cells import unresolved_cells
from sources.catalog import SOURCES


def run(settings: Settings, selection: str | None = None, console: Console | None = None) -> RunSummary:
    """Load what is new and build the warehouse, in this process; print progress, then the summary.

    A source that fails stops neither the other sources nor the warehouse, which is built from what has landed.

    Args:
        settings: where things are.
        selection: Dagster's selection syntax, such as `group:clockify` or `key:"marts/developers"`; None is everything.
        console: where to print; standard output by default.

    Raises:
        WorkledgerError: the run cannot start, or the selection selects nothing.
    """
    # Taken before standard output is redirected.
    console = console or Console(file=sys.stdout)
    listener = TerminalListener(console)
    began = time.monotonic()
    summary = RunSummary()
    log_file = log_folder(settings) / "run.log"
    with output_to(log_file), ends_by_sigterm(listener.says):
        resources = _prepare(settings, listener)
        instance = open_instance(settings)
        try:
            for buried in bury_dead_runs(instance):
                listener.says(f"Run {buried.run_id[:8]} had died with its process and is marked as failed")
            if selection is None:
                collect(summary, _execute(load_definitions(resources), instance, LOAD_JOB))
                if not summary.is_interrupted:
                    summary.up_to_date = _nothing_to_build(resources.transformer, instance)
                if not (summary.is_interrupted or summary.up_to_date):
                    collect(summary, _execute(build_definitions(settings, resources=resources), instance, BUILD_JOB))
            else:
                definitions = build_definitions(settings, resources=resources)
                for job_name, keys in _parts(definitions, selection):
                    if not summary.is_interrupted:
                        collect(summary, _execute(definitions, instance, job_name, keys))
            for cell in unresolved_cells(open_warehouse(settings)):
                (summary.failures if cell.is_ambiguous else summary.unresolved_cells).append(str(cell))
        finally:
            listener.ends()
            instance.dispose()
    summary.seconds = time.monotonic() - began
    print_summary(summary, console, log_file)
    return summary


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _prepare(settings: Settings, listener: TerminalListener) -> Resources:
    """Start the servers that sources and dbt need while this process parses the dbt project."""

    def start() -> None:
        open_warehouse(settings, listener.says)
        open_inputs(settings, listener.says)

    with ThreadPoolExecutor(1) as helper:
        started = helper.submit(start)
        resources = open_resources(settings, listener)
        started.result()
    return resources


def _nothing_to_build(transformer: WarehouseTransformer, instance: dg.DagsterInstance) -> int:
    """The number of models if all are up to date, which is reported as a build would; else 0.

    Found out before the models become assets: that alone takes twice as long as `import dagster`.
    """
    with transformer.alone():
        build = transformer.build([])
        if not build.has_nothing_to_do():
            return 0
    count = len(build.up_to_date())
    instance.report_runless_asset_event(verification(0, count))
    transformer.listener.begins("Warehouse")
    transformer.listener.finished(0, 0, count)
    return count


def _parts(definitions: dg.Definitions, selection: str) -> list[tuple[str, list[dg.AssetKey]]]:
    """Split the selection into two runs, so that the warehouse is built even if a load fails."""
    graph = definitions.resolve_asset_graph()
    raw = {raw_key(spec.name, table.name) for spec in SOURCES.values() for table in spec.tables}
    try:
        chosen = set(dg.AssetSelection.from_string(selection).resolve(graph)) & set(graph.executable_asset_keys)
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
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job_name: str,
    keys: Sequence[dg.AssetKey] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job, or only these assets of it."""
    job = definitions.resolve_job_def(job_name)
    whole = keys is None or set(keys) == set(job.asset_layer.selected_asset_keys)
    run_id = str(uuid4())
    acting_as(f"run {run_id[:8]} (workledger run)")
    return job.execute_in_process(
        run_id=run_id,
        instance=instance,
        asset_selection=None if whole else list(keys or ()),
        raise_on_error=False,
        tags=process_tags(),
    )
