"""What keeps Dagster going and small while the daemon runs: dead runs are buried, what is old is forgotten."""

import contextlib
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg

from orchestration.graph.instance import dagster_folder, log_folder
from orchestration.graph.processes import bury_dead_runs
from orchestration.settings import Settings

SENSOR_NAME: Final = "housekeeping"
INTERVAL_SECONDS: Final = 30
KEPT_FOR: Final = timedelta(days=7)
# A run that builds takes 2 to 5 MB; a busy day has hundreds of runs.
KEPT_RUNS: Final = 200
# What Dagster notes about each model when it decides to build it: some 13 MB for every build.
_EVALUATIONS_KEPT_FOR: Final = timedelta(minutes=5)
_FORGETS_EVERY: Final = timedelta(minutes=5)
# So that one look stays short.
_FORGOTTEN_AT_ONCE: Final = 100
_LOG_LIMIT_BYTES: Final = 10_000_000
_FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def housekeeping_sensor(settings: Settings) -> dg.SensorDefinition:
    """A sensor that starts nothing: it buries runs of dead processes and, every hour, forgets what is old."""

    @dg.sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"Mark runs of dead processes as failed; forget what is older than {KEPT_FOR.days} days.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def keep_house(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = datetime.now(UTC)
        done = [
            f"Run {run.run_id[:8]} of a dead process is marked as failed." for run in bury_dead_runs(context.instance)
        ]
        if context.cursor is None or now - datetime.fromisoformat(context.cursor) >= _FORGETS_EVERY:
            if forgotten := forget(context.instance, settings, now):
                done.append(f"{forgotten} old runs are forgotten.")
            context.update_cursor(now.isoformat())
        return dg.SkipReason(" ".join(done) or "Nothing to do.")

    return keep_house


def forget(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> int:
    """Delete finished runs that are older than a week or beyond the last 200, with all that was stored for them.

    Kept are runs that loaded or built an asset last: what an asset's last materialization says (its data version, its
    rows) is needed as long as the asset is. Of the results of a check the last is kept. Ticks are purged by Dagster
    itself, as `dagster.yaml` says.

    Args:
        instance: where the runs are.
        settings: where the home is.
        now: the present.

    Returns:
        How many runs were deleted; at most 100.
    """
    old = _old_runs(instance, now - KEPT_FOR)[:_FORGOTTEN_AT_ONCE]
    folder = dagster_folder(settings) / "history" / "runs"
    for run_id in old:
        instance.delete_run(run_id)
        # In SQLite, its own database of events, which deleting leaves as long as it was.
        for file in folder.glob(f"{run_id}.db*"):
            file.unlink(missing_ok=True)
        (log_folder(settings) / "runs" / f"{run_id}.log").unlink(missing_ok=True)
    _forget_check_results(instance, now - KEPT_FOR)
    if (schedules := instance.schedule_storage) is not None:
        schedules.purge_asset_evaluations((now - _EVALUATIONS_KEPT_FOR).timestamp())
    _forget_files(settings, now - KEPT_FOR)
    return len(old)


def _old_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Ids of finished runs that may go, oldest first."""
    last = (record.asset_entry.last_materialization_record for record in instance.get_asset_records())
    needed = {record.run_id for record in last if record is not None}
    finished = instance.get_run_records(dg.RunsFilter(statuses=list(_FINISHED)))
    found = [
        record.dagster_run.run_id
        for place, record in enumerate(finished)
        if place >= KEPT_RUNS or record.create_timestamp.replace(tzinfo=UTC) < before
    ]
    return [run_id for run_id in reversed(found) if run_id not in needed]


def _forget_check_results(instance: dg.DagsterInstance, before: datetime) -> None:
    """Delete results of checks, which Dagster keeps when their run is deleted, but the last of each check.

    That is the last of each status: a check whose turn was planned, but did not come, keeps its result.
    """
    # Imported here, because a run that finds nothing to do needs none of it.
    from dagster._core.storage.event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from sqlalchemy import delete, func, select

    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)  # noqa: S101 - in SQLite as in Postgres
    results = AssetCheckExecutionsTable.c
    last = select(func.max(results.id)).group_by(results.asset_key, results.check_name, results.execution_status)
    old = results.create_timestamp < before.replace(tzinfo=None)
    with storage.index_connection() as connection:
        connection.execute(delete(AssetCheckExecutionsTable).where(old, results.id.not_in(last)))


def _forget_files(settings: Settings, before: datetime) -> None:
    """Remove old logs and what a killed dbt left; empty logs that have grown long."""
    logs = log_folder(settings)
    _remove_older(logs.glob("runs/*.log"), before)
    # Folders in which dbt was parsing when its process was killed.
    _remove_older((settings.home / "dbt").glob("tmp*"), before)
    for log in logs.glob("*.log"):
        if log.stat().st_size > _LOG_LIMIT_BYTES:
            # Processes append to it, so it may be emptied under them.
            with log.open("w"):
                pass


def _remove_older(paths: Iterable[Path], before: datetime) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
