"""`workledger run`: the asset graph, materialized in this process."""

import difflib
import re
import sys
import time
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import dagster as dg
from rich.console import Console

from assets.keys import CLICKHOUSE_GROUP, pages_key, raw_key
from assets.nodes import SELECTED_TAG, verification
from assets.progress import Listener
from orchestration.commands.ending import ends_by_sigterm
from orchestration.commands.summary import RunSummary, collect
from orchestration.commands.terminal import TerminalListener, output_to, print_summary
from orchestration.errors import WorkledgerError
from orchestration.graph.instance import log_folder, open_instance
from orchestration.graph.loads import Resources, load_definitions, open_resources
from orchestration.graph.locks import acting_as
from orchestration.graph.processes import bury_dead_runs, process_tags
from orchestration.graph.resources import WarehouseTransformer
from orchestration.graph.schedules import BUILD_JOB, LOAD_JOB
from orchestration.inputs.configuration import open_inputs
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import open_warehouse
from orchestration.warehouse.reference_cells import unresolved_cells
from orchestration.warehouse.roles import SCHEMA_OWNERS
from sources.catalog import SOURCES


def run(settings: Settings, selection: str | None = None, console: Console | None = None) -> RunSummary:
    """Load what is new and build the warehouse, in this process; print progress, then the summary.

    A source that fails stops neither the other sources nor the warehouse, which is built from what has landed. What a
    selection is built from and the warehouse does not have yet is loaded and built with it.

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
                    collect(summary, _execute(_whole_definitions(settings, resources), instance, BUILD_JOB))
            else:
                definitions = _whole_definitions(settings, resources)
                for job_name, keys in _parts(definitions, selection, open_warehouse(settings), listener):
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


def _whole_definitions(settings: Settings, resources: Resources) -> dg.Definitions:
    """Everything that Dagster runs; to import it takes as long as a run that finds nothing to build."""
    from orchestration.graph.build import build_definitions

    return build_definitions(settings, resources=resources)


def _nothing_to_build(transformer: WarehouseTransformer, instance: dg.DagsterInstance) -> int:
    """The number of models if all are up to date, which is reported as a build would; else 0.

    Found out before the models become assets: that alone takes twice as long as `import dagster`.
    """
    with transformer.alone():
        build = transformer.build([])
        if not build.has_nothing_to_do():
            return 0
        # A description may have changed alone.
        build.describe()
    count = len(build.up_to_date())
    instance.report_runless_asset_event(verification(0, count))
    transformer.listener.begins("Warehouse")
    transformer.listener.finished(0, 0, count)
    return count


def _parts(
    definitions: dg.Definitions, selection: str, warehouse: Warehouse, listener: Listener
) -> list[tuple[str, list[dg.AssetKey]]]:
    """Split the selection into runs, so that the warehouse is built even if a load fails."""
    from orchestration.graph.clickhouse_marts import JOB as PUBLISH_JOB
    from orchestration.graph.pages import JOB as PAGES_JOB

    graph = definitions.resolve_asset_graph()
    raw = {raw_key(spec.name, table.name) for spec in SOURCES.values() for table in spec.tables}
    try:
        chosen = set(dg.AssetSelection.from_string(selection).resolve(graph)) & set(graph.executable_asset_keys)
    except dg.DagsterError as error:
        # Dagster's own sentence on an unknown name speaks of code.
        unknown = isinstance(error, dg.DagsterInvalidSubsetError)
        reason = "it names no asset" if unknown else "it is no selection of Dagster's syntax"
        raise WorkledgerError(
            f"The selection {selection!r} cannot be read: {reason}{_suggestion(selection, definitions)}"
        ) from None
    if not chosen:
        raise WorkledgerError(f"The selection {selection!r} selects no asset{_suggestion(selection, definitions)}")
    if missing := _missing(graph.asset_dep_graph["upstream"], chosen - raw, warehouse):
        listener.says(f"{selection} is built from what does not exist yet: {_described(missing, raw)} as well.")
        chosen |= missing
    # The tables of a source are loaded together.
    sources = {key.path[0] for key in chosen & raw}
    loads = sorted(key for key in raw if key.path[0] in sources)
    pages = sorted(chosen & {pages_key()})
    published = sorted(key for key in chosen if key.path[0] == CLICKHOUSE_GROUP)
    builds = sorted(chosen - raw - {*pages, *published})
    parts = ((LOAD_JOB, loads), (BUILD_JOB, builds), (PAGES_JOB, pages), (PUBLISH_JOB, published))
    return [(name, keys) for name, keys in parts if keys]


def _missing(
    parents: Mapping[dg.AssetKey, Set[dg.AssetKey]], chosen: Set[dg.AssetKey], warehouse: Warehouse
) -> set[dg.AssetKey]:
    """What chosen models are built from, directly or not, as far as it does not exist."""
    with warehouse.connect("transformer") as connection:
        rows = connection.execute(
            "select nspname, relname from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname = any(%s) and relkind in ('r', 'p', 'v', 'm')",
            (list(SCHEMA_OWNERS),),
        ).fetchall()
    sources = {spec.schema: spec.name for spec in SOURCES.values()}
    # What people read is built from what its steps in schema `building` are.
    built = {name for schema, name in rows if schema == "building"}
    existing = {
        dg.AssetKey([sources.get(schema) or schema, name])
        for schema, name in rows
        if schema not in ("marts", "private", "reports") or name in built
    }
    missing: set[dg.AssetKey] = set()
    waiting = list(chosen)
    while waiting:
        further = parents[waiting.pop()] - existing - chosen - missing
        missing |= further
        waiting.extend(further)
    return missing


def _suggestion(selection: str, definitions: dg.Definitions) -> str:
    """What may be meant by a selection of which a name is misspelt."""
    specs = list(definitions.resolve_all_asset_specs())
    groups = {str(spec.group_name) for spec in specs}
    # Of several tables of one name the mart is meant.
    names = sorted((spec.key.to_user_string() for spec in specs), key=lambda name: name.startswith("marts/"))
    choices = {name.rpartition("/")[2]: f'key:"{name}"' for name in names}
    choices |= {name: f'key:"{name}"' for name in names} | {group: f"group:{group}" for group in groups}
    # A word before a colon is the selection syntax's own.
    for word in re.findall(r"[\w/]+(?![\w/:])", selection):
        near = difflib.get_close_matches(word, choices, n=1, cutoff=0.8)
        if near and word not in groups.union(names):
            return f"; perhaps {choices[near[0]]} is meant."
    return "; `workledger ui` shows their names."


def _described(missing: Set[dg.AssetKey], raw: Set[dg.AssetKey]) -> str:
    titles = sorted({SOURCES[key.path[0]].title for key in missing & raw})
    models = len(missing - raw)
    loaded = f"{', '.join(titles)} {'are' if len(titles) > 1 else 'is'} loaded" if titles else ""
    built = f"{models} {'tables and views are' if models > 1 else 'table or view is'} built" if models else ""
    return ", ".join(filter(None, (loaded, built)))


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job_name: str,
    keys: Sequence[dg.AssetKey] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run a job, or these assets of it, which a person selected."""
    job = definitions.resolve_job_def(job_name)
    whole = keys is None or set(keys) == set(job.asset_layer.selected_asset_keys)
    run_id = str(uuid4())
    acting_as(f"run {run_id[:8]} (workledger run)")
    return job.execute_in_process(
        run_id=run_id,
        instance=instance,
        asset_selection=None if whole else list(keys or ()),
        raise_on_error=False,
        tags=process_tags() if keys is None else {**process_tags(), SELECTED_TAG: "true"},
    )
