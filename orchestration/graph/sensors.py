"""Sensors: a load starts when files change, and sessions of readers end that outlast their limits.

Of transcripts and reference files only names, sizes and times are looked at; vendors with an API are read by schedule.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import dagster as dg

from assets.keys import job_name
from orchestration.errors import WorkledgerError
from orchestration.graph.policies import sensor_status
from orchestration.graph.schedules import runs_in_progress
from orchestration.settings import Settings
from orchestration.warehouse.opening import end_overlong
from sources.catalog import SourceSpec

# The hub seed's daemon polls every 30 s, too (rule 5.1).
INTERVAL_SECONDS = 30


def file_sensor(spec: SourceSpec, settings: Settings, find: Callable[[], Iterable[Path]]) -> dg.SensorDefinition:
    """A sensor that requests a load of `spec` when a file that `find` names has appeared, grown or changed.

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
            # The cursor stays, so that what that run no longer saw is noticed at the next tick.
            return dg.SkipReason(f"{spec.title} is still being loaded.")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state)], cursor=state)

    return look


def session_sensor(settings: Settings) -> dg.SensorDefinition:
    """A sensor that ends sessions of analyst and finance that outlast their limits; it starts no run."""

    @dg.sensor(
        name="overlong_sessions",
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"End sessions of analyst and finance that outlast their limits, every {INTERVAL_SECONDS} s.",
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


def _states(files: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        try:
            state = file.stat()
        except OSError:
            # Removed since it was listed, or not readable; the load reports it.
            continue
        yield str(file), state.st_size, state.st_mtime_ns
