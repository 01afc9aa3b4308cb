"""The pages of `dashboards` as an asset: one file of HTML a page, which opens without a server and the internet."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dagster as dg
import psycopg

from assets.keys import pages_key
from dashboards.definitions import pages, relations
from dashboards.reading import Brought, Result, read_page
from dashboards.rendering import render
from orchestration.errors import WarehouseError
from orchestration.graph.instance import ALONE_TAG, open_instance
from orchestration.graph.policies import schedule_status
from orchestration.graph.resources import Places
from orchestration.graph.schedules import unless_queued
from orchestration.settings import Settings

RESOURCE: Final = "page_writer"
JOB: Final = "write_pages"
TAGS: Final = {ALONE_TAG: "pages", "dagster/max_retries": "1", "dagster/max_runtime": "600"}
# Behind the builds of every half hour.
_CRON: Final = "41 * * * *"
_MOST_RUNS: Final = 20


def rows_of_runs(settings: Settings) -> Brought:
    """What gives the rows of `trust/runs`: the last runs that Dagster knows.

    Args:
        settings: the home holds Dagster's records.
    """

    def runs() -> Result:
        with open_instance(settings) as instance:
            return runs_of(instance)

    return {"runs": runs}


def runs_of(instance: dg.DagsterInstance) -> Result:
    """The last runs, newest first."""
    rows = []
    for record in instance.get_run_records(limit=_MOST_RUNS):
        run = record.dagster_run
        began, ended = record.start_time, record.end_time
        started_at = datetime.fromtimestamp(began, UTC) if began else None
        seconds = round(ended - began) if began and ended else None
        rows.append((started_at, run.job_name, run.status.value.lower().replace("_", " "), seconds, run.run_id[:8]))
    return Result(("started_at", "job", "status", "seconds", "run"), rows, len(rows))


class PageWriter:
    """Writes the pages into the home; the warehouse is opened when the first is written."""

    def __init__(self, places: Places) -> None:
        """Take the places."""
        self._places = places

    def write(self, instance: dg.DagsterInstance) -> tuple[dict[str, Path], list[str]]:
        """Write every page; return its file by name, and one sentence for each query that failed.

        Args:
            instance: whose last runs are shown.

        Raises:
            WorkledgerError: the warehouse cannot be reached, or is not built.
        """
        folder = self._places.settings.home / "pages"
        folder.mkdir(exist_ok=True)
        brought: Brought = {"runs": lambda: runs_of(instance)}
        written: dict[str, Path] = {}
        failures: list[str] = []
        for name, page in pages().items():
            try:
                content = read_page(self._places.warehouse.connect, page, {}, brought, every_level=True)
            except psycopg.errors.UndefinedTable:
                raise WarehouseError("The warehouse is not built yet; `workledger run` builds it.") from None
            failures += [f"{name}/{query}: {one.error}" for query, one in content.results.items() if one.error]
            file = folder / f"{name}.html"
            beside = file.with_suffix(".new")
            beside.write_text(render(content, standalone=True), encoding="utf-8")
            # Whoever has the file open keeps a whole one.
            written[name] = beside.replace(file)
        return written, failures


def pages_asset() -> dg.AssetsDefinition:
    """The asset that writes the pages; it depends on what their queries read."""

    @dg.asset(
        key=pages_key(),
        deps=sorted(dg.AssetKey(one) for one in relations() if one[0] != "billing"),
        group_name="reports",
        kinds={"html"},
        description=(
            "The pages that `workledger look` serves, as one file each: data, charts and CSV are in it, so that it "
            "opens from a mail. Pages with costs are among them; send only those that the reader may see. To open one "
            "on the machine that wrote it, copy its path below into the address bar of a browser."
        ),
    )
    def write_pages(
        context: dg.AssetExecutionContext, page_writer: dg.ResourceParam[PageWriter]
    ) -> dg.MaterializeResult[None]:
        files, failures = page_writer.write(context.instance)
        # No links: browsers follow none from a page that is served to a file.
        paths = {name: dg.MetadataValue.path(file.resolve()) for name, file in files.items()}
        if failures:
            # The pages are written: each says in its place what is missing.
            raise dg.Failure(" ".join(failures), metadata=paths)
        return dg.MaterializeResult(metadata=paths)

    return write_pages


def pages_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule by which the files follow the warehouse."""
    return dg.ScheduleDefinition(
        name="pages_schedule",
        cron_schedule=_CRON,
        execution_timezone="UTC",
        job_name=JOB,
        execution_fn=unless_queued(JOB),
        description="Write the pages of figures and charts anew.",
        default_status=schedule_status(settings),
    )
