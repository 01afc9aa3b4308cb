"""When each source is read and the warehouse built whole. How often stands in `policies`, what is done in `assets`."""

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.checks import check_specs
from assets.keys import expectations_job_name, job_name, raw_key
from orchestration.graph.policies import WAREHOUSE_CRON, schedule_status
from orchestration.settings import Settings
from sources.catalog import SourceSpec

SOURCE_TAG = "workledger/source"
# A run that died with its process is tried again from the start; within a run the step has retries of its own.
RUN_TAGS = {"dagster/max_retries": "1"}


def source_job(spec: SourceSpec) -> UnresolvedAssetJobDefinition:
    """The job that loads one source."""
    return dg.define_asset_job(
        name=job_name(spec.name),
        selection=load_selection(spec),
        description=f"Load what is new in {spec.title}.",
        tags={SOURCE_TAG: spec.name, **RUN_TAGS},
    )


def expectations_job(spec: SourceSpec, checks: dg.AssetChecksDefinition) -> UnresolvedAssetJobDefinition:
    """The job that holds a source's raw tables to its suite."""
    return dg.define_asset_job(
        name=expectations_job_name(spec.name),
        selection=dg.AssetSelection.checks(checks),
        description=f"Hold raw data of {spec.title} to its suite; given a folder, write data docs.",
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
    """The schedule of whole builds, which carry the clock: a new day or month comes whether or not anything landed.

    Between them new rows are carried by the automation condition. What has no news is not built again, so that most of
    these builds find nothing to do; and one that failed is tried again.
    """
    return dg.ScheduleDefinition(
        name="warehouse_schedule",
        cron_schedule=WAREHOUSE_CRON,
        execution_timezone="UTC",
        job_name=job_name,
        description="Build what has news, the day of as_of included.",
        default_status=schedule_status(settings),
    )


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
    """Tell whether a run that loads the source is queued or under way."""
    statuses = [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    return bool(instance.get_runs(dg.RunsFilter(tags={SOURCE_TAG: source}, statuses=statuses), limit=1))
