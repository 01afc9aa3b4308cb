"""Schedules: when each source is loaded and the warehouse built; how often is in `policies`."""

from collections.abc import Callable, Iterable
from typing import Final

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.checks import check_specs
from assets.keys import expectations_job_name, job_name, raw_key
from orchestration.graph.instance import ALONE_TAG, MAX_RUNTIME_SECONDS
from orchestration.graph.policies import WAREHOUSE_CRON, schedule_status
from orchestration.settings import Settings
from sources.catalog import SourceSpec

LOAD_JOB: Final = "refresh_sources"
BUILD_JOB: Final = "refresh_warehouse"
SOURCE_TAG = "source"
# A load that failed, or whose process died, is started once more; what fails again waits for the next tick. Within a
# run the step has retries of its own.
LOAD_TAGS: Final = {
    "dagster/max_retries": "1",
    "dagster/retry_on_asset_or_op_failure": "true",
    "dagster/max_runtime": str(MAX_RUNTIME_SECONDS),
}
CHECK_TAGS: Final = {ALONE_TAG: "expectations", "dagster/max_retries": "0", "dagster/max_runtime": "1800"}
# A failed build is repeated by the schedule, one whose process died by Dagster. The slowest build takes some minutes.
BUILD_TAGS: Final = {ALONE_TAG: "build", "dagster/max_retries": "1", "dagster/max_runtime": "3600"}


def source_job(spec: SourceSpec) -> UnresolvedAssetJobDefinition:
    """The job that loads one source."""
    return dg.define_asset_job(
        name=job_name(spec.name),
        selection=load_selection(spec),
        description=f"Load what is new in {spec.title}.",
        tags={SOURCE_TAG: spec.name, ALONE_TAG: spec.name, **LOAD_TAGS},
    )


def expectations_job(spec: SourceSpec, checks: dg.AssetChecksDefinition) -> UnresolvedAssetJobDefinition:
    """The job that checks a source's raw tables against its suite."""
    return dg.define_asset_job(
        name=expectations_job_name(spec.name),
        selection=dg.AssetSelection.checks(checks),
        description=f"Check raw data of {spec.title} against its suite; given a folder, write data docs.",
        tags=CHECK_TAGS,
    )


def load_selection(*specs: SourceSpec) -> dg.AssetSelection:
    """Raw tables with the checks of their own step; those of dbt on raw tables belong to the build."""
    tables = dg.AssetSelection.assets(*(raw_key(spec.name, table.name) for spec in specs for table in spec.tables))
    checks = dg.AssetSelection.checks(*(check.key for spec in specs for check in check_specs(spec)))
    return tables.without_checks() | checks


def build_schedules(specs: Iterable[SourceSpec], settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule for each source."""
    return [_schedule(spec, settings) for spec in specs]


def warehouse_schedule(job_name: str, settings: Settings) -> dg.ScheduleDefinition:
    """The schedule of whole builds, with which a new day or month comes whether or not anything landed.

    Between them the automation condition builds what new rows make stale. What is up to date is not built again, so
    most of these builds find nothing to do; a build that failed is repeated.
    """
    return dg.ScheduleDefinition(
        name="warehouse_schedule",
        cron_schedule=WAREHOUSE_CRON,
        execution_timezone="UTC",
        job_name=job_name,
        execution_fn=unless_queued(job_name),
        description="Build what is stale, also because of a new day.",
        default_status=schedule_status(settings),
    )


def unless_queued(job_name: str) -> Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]:
    """A tick that requests no second run while one waits: a daemon that was away makes up for several ticks at once."""

    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
        if context.instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=waiting), limit=1):
            return dg.SkipReason("A run that has not begun yet does the same.")
        return dg.RunRequest()

    return tick


def _schedule(spec: SourceSpec, settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{spec.name}_schedule",
        cron_schedule=spec.cron,
        execution_timezone="UTC",
        job_name=job_name(spec.name),
        description=f"Load {spec.title} regularly.",
        default_status=schedule_status(settings),
    )
    def tick(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if runs_in_progress(context.instance, spec.name):
            return dg.SkipReason(f"{spec.title} is still being loaded.")
        return dg.RunRequest()

    return tick


def runs_in_progress(instance: dg.DagsterInstance, source: str) -> bool:
    """Tell whether a run that loads the source is queued or in progress."""
    statuses = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    return bool(instance.get_runs(dg.RunsFilter(tags={SOURCE_TAG: source}, statuses=statuses), limit=1))
