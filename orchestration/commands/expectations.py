"""`workledger expectations`: checks raw tables against their suites in this process; writes data docs on request."""

import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from rich.console import Console

from assets.expectations import DOCS_FOLDER
from assets.keys import expectations_job_name, expectations_name
from orchestration.commands.terminal import output_to
from orchestration.errors import WorkledgerError
from orchestration.graph.build import build_definitions
from orchestration.graph.instance import log_folder, open_instance
from orchestration.graph.processes import process_tags
from orchestration.settings import Settings
from orchestration.warehouse.opening import open_warehouse
from sources.catalog import SOURCES
from sources.kit.visible import visible


def check_expectations(
    settings: Settings, sources: Sequence[str] = (), docs_folder: Path | None = None, console: Console | None = None
) -> bool:
    """Check raw tables against their suites and print what fails; the asset graph shows the same.

    Args:
        settings: where things are.
        sources: names of the sources to check; none means all.
        docs_folder: where to write data docs, a folder for each source.
        console: where to print; standard output by default.

    Returns:
        Whether no check failed; warnings do not count.

    Raises:
        WorkledgerError: there is no such source, or the warehouse cannot be opened.
    """
    if unknown := [name for name in sources if name not in SOURCES]:
        raise WorkledgerError(f"There is no source {unknown[0]}; sources are {', '.join(SOURCES)}.")
    # Taken before standard output is redirected.
    console = console or Console(file=sys.stdout)
    log_file = log_folder(settings) / "expectations.log"
    whole = True
    with output_to(log_file):
        open_warehouse(settings)
        definitions = build_definitions(settings)
        with open_instance(settings) as instance:
            for name in sources or SOURCES:
                folder = docs_folder / name if docs_folder else None
                whole &= _check(definitions, instance, name, folder, console)
    if not whole:
        _say(console, f"The full log is in {log_file}.")
    if docs_folder:
        _say(console, f"Data docs are written: open index.html in a source's folder below {docs_folder}.")
    return whole


def _check(
    definitions: dg.Definitions, instance: dg.DagsterInstance, name: str, folder: Path | None, console: Console
) -> bool:
    config = {"ops": {expectations_name(name): {"config": {DOCS_FOLDER: str(folder.absolute())}}}} if folder else {}
    result = definitions.resolve_job_def(expectations_job_name(name)).execute_in_process(
        instance=instance, run_config=config, raise_on_error=False, tags=process_tags()
    )
    evaluations = result.get_asset_check_evaluations()
    amiss = [one for one in evaluations if not one.passed]
    broken = [one for one in amiss if one.severity is dg.AssetCheckSeverity.ERROR]
    title = SOURCES[name].title
    if not result.success:
        _say(console, f"✗ {title}: the checks themselves failed: {_reason(result)}", "red")
    else:
        sign = "✗" if broken else "!" if amiss else "✓"
        _say(console, f"{sign} {title}: {len(evaluations) - len(amiss)} of {len(evaluations)} checks hold")
    for one in amiss:
        style = "red" if one in broken else "yellow"
        _say(console, f"    {'.'.join(one.asset_key.path)}: {one.description}", style)
    return result.success and not broken


def _reason(result: dg.ExecuteInProcessResult) -> str:
    for event in result.filter_events(lambda one: one.is_step_failure):
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return " ".join(str(error.message).split())
    return "see the log"


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(visible(text), style=style, markup=False, highlight=False, soft_wrap=True)
