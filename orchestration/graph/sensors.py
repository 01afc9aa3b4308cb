"""Sensors: a load starts when files change, and sessions of readers end that outlast their limits.

Of transcripts and reference files only names, sizes and times are looked at; vendors with an API are read by schedule.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Final

import dagster as dg

from assets.keys import job_name
from orchestration.errors import WorkledgerError
from orchestration.graph.policies import sensor_status
from orchestration.graph.schedules import SOURCE_TAG, runs_in_progress
from orchestration.settings import Settings
from orchestration.warehouse.opening import end_overlong
from sources.catalog import SourceSpec

# The hub seed's daemon polls every 30 s (rule 5.1); people who look at their sessions wait for less.
INTERVAL_SECONDS: Final = 10
FILES_TAG: Final = "workledger/files"
# A load that fails for good is tried again after a minute, then after twice as long each time, at most an hour.
_FIRST_PAUSE_SECONDS: Final = 60.0
_LONGEST_PAUSE_SECONDS: Final = 3600.0
_LOOKED_BACK: Final = 20


def file_sensor(spec: SourceSpec, settings: Settings, find: Callable[[], Iterable[Path]]) -> dg.SensorDefinition:
    """A sensor that requests a load of `spec` when a file that `find` names has appeared, grown or changed.

    The cursor is the state of the files that was loaded last: it moves when a load has succeeded, not when it was asked
    for, so that nothing is forgotten when a load fails or its process dies.

    Args:
        spec: a source that reads files.
        settings: decides whether the sensor runs as soon as the daemon does.
        find: names the files, cheaply; called at every tick.
    """

    @dg.sensor(
        name=f"{spec.name}_files",
        job_name=job_name(spec.name),
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"Look every {INTERVAL_SECONDS} s whether a file of {spec.title} has changed, and load it then.",
        default_status=sensor_status(settings),
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            state = fingerprint(find())
        except WorkledgerError as error:
            return dg.SkipReason(str(error))
        if state == context.cursor:
            return dg.SkipReason("No file has changed.")
        if runs_in_progress(context.instance, spec.name):
            # What that run no longer sees is noticed at the next tick.
            return dg.SkipReason(f"{spec.title} is still being loaded.")
        attempts = _last_attempts(context.instance, spec.name)
        if any(one.tags[FILES_TAG] == state and one.status is dg.DagsterRunStatus.SUCCESS for one, _ in attempts):
            context.update_cursor(state)
            return dg.SkipReason("What has changed is loaded.")
        failures = list(takewhile(lambda one: one[0].status is not dg.DagsterRunStatus.SUCCESS, attempts))
        if failures and (pause := _pause(len(failures), failures[0][1])) > 0:
            return dg.SkipReason(
                f"The last {len(failures)} loads of {spec.title} failed; the next one begins in {pause:.0f} s."
            )
        request = dg.RunRequest(tags={FILES_TAG: state})
        return dg.SensorResult(run_requests=[request])

    return look


def _last_attempts(instance: dg.DagsterInstance, source: str) -> list[tuple[dg.DagsterRun, datetime]]:
    """The last loads that a sensor asked for, retries included, and when each was last heard of; newest first."""
    asked = dg.RunsFilter(tags={SOURCE_TAG: source})
    records = instance.get_run_records(asked, limit=_LOOKED_BACK)
    return [(one.dagster_run, one.update_timestamp) for one in records if FILES_TAG in one.dagster_run.tags]


def _pause(failures: int, last: datetime) -> float:
    """Seconds until the next attempt."""
    pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1), _LONGEST_PAUSE_SECONDS)
    return pause - (_now() - last.replace(tzinfo=UTC)).total_seconds()


def session_sensor(settings: Settings) -> dg.SensorDefinition:
    """A sensor that ends sessions of readers that outlast their limits; it starts no run."""

    @dg.sensor(
        name="overlong_sessions",
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"End sessions of readers that outlast their limits, every {INTERVAL_SECONDS} s.",
        default_status=sensor_status(settings),
    )
    def end() -> dg.SkipReason:
        try:
            ended = end_overlong(settings)
        except WorkledgerError as error:
            return dg.SkipReason(str(error))
        return dg.SkipReason(" ".join(ended) or "No session has outlasted its limits.")

    return end


def fingerprint(files: Iterable[Path]) -> str:
    """A short text that changes when a file appears, grows or is written to; vanished files count as well."""
    digest = hashlib.blake2b(digest_size=16)
    for path, size, modified in sorted(_states(files)):
        digest.update(f"{path}\0{size}\0{modified}\n".encode())
    return digest.hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)


def _states(files: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        try:
            state = file.stat()
        except OSError:
            # Removed since it was listed, or not readable; the load reports it.
            continue
        yield str(file), state.st_size, state.st_mtime_ns
