"""What is broken now: runs, sources that are silent, checks and reference files, each as one sentence that mends.

It is read from Dagster's own storage, not from the warehouse, whose failure is one of the things to be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from assets.checks import FILES, NO_FILE_REJECTED
from assets.keys import raw_key
from assets.nodes import BUILT_NODES, FAILURES
from orchestration.graph.instance import ALONE_TAG
from orchestration.graph.policies import BUILT_WITHIN
from sources.catalog import SOURCES
from sources.kit.visible import visible

_WILL_RETRY: Final = "dagster/will_retry"
_LOOKED_BACK: Final = 5
_LONGEST_SENTENCE: Final = 600


@dataclass(frozen=True)
class Incident:
    """Something that is broken until it is mended.

    Attributes:
        key: what is broken; the same as long as it is.
        sentence: what is wrong and what to do.
    """

    key: str
    sentence: str


@dataclass(frozen=True)
class _Kind:
    """A kind of run: its value of the tag ALONE_TAG, what it is called, and what a success of it leaves behind."""

    name: str
    title: str
    witness: dg.AssetKey | None = None
    within: timedelta | None = None
    done: str = ""
    schedule: str = ""


def find_incidents(
    instance: dg.DagsterInstance,
    checks: Mapping[dg.AssetCheckKey, str],
    watched_since: datetime,
    now: datetime,
) -> Iterator[Incident]:
    """Yield everything that is broken.

    Args:
        instance: where runs and results of checks are.
        checks: the rule of every check that there is.
        watched_since: silence before this moment does not count: nothing could be loaded while the daemon was away.
        now: the present.
    """
    for kind in _kinds():
        event = instance.get_latest_materialization_event(kind.witness) if kind.witness else None
        last = datetime.fromtimestamp(event.timestamp, UTC) if event else None
        if (failed := _failed_run(instance, kind.name, last)) is not None:
            yield Incident(f"run/{kind.name}", _of_run(instance, failed, kind))
        elif kind.within and now - max(watched_since, last or watched_since) > kind.within:
            since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
            yield Incident(
                f"silent/{kind.name}",
                f"{kind.title} has not been {kind.done} {since}, and should be within {_length(kind.within)}; look "
                f"whether schedule {kind.schedule} is on, and whether the queue of runs moves.",
            )
    yield from _of_checks(instance, checks)


def _kinds() -> Iterator[_Kind]:
    for spec in SOURCES.values():
        # All tables of a source are loaded together.
        witness = raw_key(spec.name, spec.tables[0].name)
        yield _Kind(spec.name, spec.title, witness, spec.fresh_within, "loaded", f"{spec.name}_schedule")
    yield _Kind("build", "The warehouse", BUILT_NODES, BUILT_WITHIN, "built whole", "warehouse_schedule")
    yield _Kind("expectations", "The check against expectations")


def _failed_run(instance: dg.DagsterInstance, name: str, success: datetime | None) -> dg.RunRecord | None:
    """The last run of a kind if it failed for good, and `workledger run` has not succeeded since."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filters = dg.RunsFilter(tags={ALONE_TAG: name}, statuses=ended)
    # Whether one that is repeated has failed is decided by the repetition.
    records = instance.get_run_records(filters, limit=_LOOKED_BACK)
    last = next((one for one in records if one.dagster_run.tags.get(_WILL_RETRY) != "true"), None)
    if last is None or last.dagster_run.is_success:
        return None
    failed_at = (
        datetime.fromtimestamp(last.end_time, UTC) if last.end_time else last.update_timestamp.replace(tzinfo=UTC)
    )
    return None if success is not None and success > failed_at else last


def _of_run(instance: dg.DagsterInstance, record: dg.RunRecord, kind: _Kind) -> str:
    """Why a run failed, and where to see more."""
    run_id = record.dagster_run.run_id
    seen = f"run {run_id[:8]} in Dagster's UI shows more"
    for entry in reversed(instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)):
        data = entry.get_dagster_event().step_failure_data
        if (own := data.user_failure_data) is not None:
            if FAILURES in own.metadata:
                # Their messages may hold values of rows, which the UI and the terminal show.
                failures: Any = own.metadata[FAILURES].value
                return f"{len(failures):,} models or tests of the build failed; {seen}, and so does `workledger run`."
            # Written for a reader: it names the source and the mend.
            return f"{_one_line(own.description or own.label).rstrip('.')}; {seen}."
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return f"{kind.title} failed: {_one_line(error.message).rstrip('.')}; {seen}."
    ends = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    reason = _one_line(ends[-1].get_dagster_event().message or "") if ends else ""
    return f"{kind.title} failed: {reason.rstrip('.') or 'no reason is recorded'}; {seen}."


def _of_checks(instance: dg.DagsterInstance, checks: Mapping[dg.AssetCheckKey, str]) -> Iterator[Incident]:
    """What the last results of checks call an error."""
    for key, event in _failing(instance):
        if key not in checks:
            continue
        data = event.get_dagster_event().asset_check_evaluation_data
        if data.severity is not dg.AssetCheckSeverity.ERROR:
            continue
        if key.name == NO_FILE_REJECTED:
            files: Any = data.metadata[FILES].value if FILES in data.metadata else {}
            for file, sentence in files.items():
                yield Incident(
                    f"file/{file}",
                    f"{_one_line(sentence).rstrip('.')}; the last good version of {file} is in force until then.",
                )
            continue
        where = key.asset_key.to_user_string()
        rule = f" ({_one_line(checks[key]).rstrip('.')})" if checks[key] else ""
        yield Incident(
            f"check/{where}/{key.name}",
            f"{key.name} of {where} does not hold{rule}; Dagster's UI shows at the asset what breaks it: correct that "
            "where it comes from.",
        )


def _failing(instance: dg.DagsterInstance) -> Iterator[tuple[dg.AssetCheckKey, dg.EventLogEntry]]:
    """The checks whose last result is a failure; one that is only planned has no result yet."""
    # Imported here, because a run that finds nothing to do needs none of it.
    from dagster._core.storage.event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from sqlalchemy import func, select

    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)  # noqa: S101 - in SQLite as in Postgres
    results = AssetCheckExecutionsTable.c
    last = (
        select(func.max(results.id))
        .where(results.execution_status != "PLANNED")
        .group_by(results.asset_key, results.check_name)
    )
    query = (
        select(results.asset_key, results.check_name, results.evaluation_event)
        .where(results.id.in_(last), results.execution_status == "FAILED")
        .order_by(results.asset_key, results.check_name)
    )
    with storage.index_connection() as connection:
        rows: Any = connection.execute(query).fetchall()
    for asset, name, event in rows:
        key = dg.AssetKey.from_db_string(asset)
        if key is not None and event:
            yield dg.AssetCheckKey(key, name), dg.deserialize_value(event, dg.EventLogEntry)


def _one_line(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= _LONGEST_SENTENCE else f"{line[:_LONGEST_SENTENCE]}…"


def _length(window: timedelta) -> str:
    hours = window.total_seconds() / 3600
    return "an hour" if hours == 1 else f"{hours:g} hours"
