"""Expectation suites as asset checks of raw tables: is their form as expected, and their number of rows as usual?

One step per source, separate from its load, because Great Expectations takes seconds to import and no load should wait
for it. Expectations are in `assets.suites`, their evaluation in `assets.validation`, the schedule in `orchestration`.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from assets.keys import expectations_name, raw_key, raw_schema
from assets.raw import SKIPPED, WRITTEN, Landing
from assets.suites.rules import Suite

if TYPE_CHECKING:
    from assets.validation import Report

SHAPE: Final = "has_expected_shape"
VOLUME: Final = "has_expected_volume"
DOCS_FOLDER: Final = "docs_folder"
ROWS: Final = "rows_in_table"
# The data and rules that were evaluated; the same are not evaluated twice.
JUDGED: Final = "judged"
FOUND: Final = "found"

_HISTORY: Final = 10
_LOADS: Final = 60
# A load of ten times the usual rows or more is suspicious, and so is a table with less than half of its usual rows.
_TIMES_THE_USUAL: Final = 10
_LEAST_SUSPICIOUS_LOAD: Final = 1_000
_LEAST_SUSPICIOUS_TABLE: Final = 20


@dataclass(frozen=True)
class Load:
    """Rows that one load wrote, and when it was (seconds since 1970)."""

    written: int
    ended: float


@dataclass(frozen=True)
class Judgement:
    """An earlier evaluation of a check."""

    passed: bool
    severity: dg.AssetCheckSeverity
    judged: str
    found: str
    rows: int | None
    ended: float


def expectation_checks(
    suite: Suite, title: str, condition: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey] | None = None
) -> dg.AssetChecksDefinition:
    """The checks of one source's suite, two for each table, in one step.

    Args:
        suite: what is expected.
        title: the source's name for a reader.
        condition: when the checks run automatically.
    """

    @dg.multi_asset_check(
        name=expectations_name(suite.source),
        description=f"Look whether raw data of {title} is as the vendor promises it, and about as much as usual.",
        specs=list(_check_specs(suite, title, condition)),
        can_subset=True,
        config_schema={
            DOCS_FOLDER: dg.Field(
                str, is_required=False, description="Folder for Great Expectations' data docs; without it none."
            )
        },
    )
    def expect(
        context: dg.AssetCheckExecutionContext, landing: dg.ResourceParam[Landing]
    ) -> Iterator[dg.AssetCheckResult]:
        docs = context.op_execution_context.op_config.get(DOCS_FOLDER)
        yield from evaluate(
            suite,
            context.instance,
            landing.destination,
            context.selected_asset_check_keys,
            Path(docs) if docs else None,
        )

    return expect


def evaluate(
    suite: Suite,
    instance: dg.DagsterInstance,
    destination: Callable[[], str],
    selected: Iterable[dg.AssetCheckKey],
    docs_folder: Path | None = None,
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate tables that have new rows since the last evaluation; the others keep their last result.

    Args:
        suite: what is expected.
        instance: has earlier loads and earlier evaluations.
        destination: returns the warehouse's DSN; called only if there is something to evaluate.
        selected: the checks to evaluate.
        docs_folder: where to write data docs; if set, every selected table is evaluated again.
    """
    chosen = set(selected)
    open_checks: dict[str, list[str]] = {}
    histories: dict[dg.AssetCheckKey, list[Judgement]] = {}
    judged: dict[str, str] = {}
    for table in suite.by_table:
        key = raw_key(suite.source, table)
        version = _data_version(instance, key)
        judged[table] = f"{version}/{suite.version(table)}"
        for name in (SHAPE, VOLUME):
            check = dg.AssetCheckKey(key, name)
            if check not in chosen:
                continue
            histories[check] = _history(instance, check)
            last = next(iter(histories[check]), None)
            if version is None:
                yield _result(check, True, "Never loaded, so that there is nothing to look at.", judged="")
            elif docs_folder is None and last is not None and last.judged == judged[table]:
                yield _repeated(check, last)
            else:
                open_checks.setdefault(table, []).append(name)
    if not open_checks:
        return
    from assets.validation import validate

    sizes = {
        table: [one.rows for one in histories.get(_volume(suite, table), []) if one.rows is not None]
        for table in open_checks
    }
    reports = validate(
        suite,
        raw_schema(suite.source),
        destination(),
        {table: suite.by_table[table] if SHAPE in names else () for table, names in open_checks.items()},
        {table: least_rows(sizes[table]) for table in open_checks},
        docs_folder,
    )
    for table, names in open_checks.items():
        report = reports.get(table)
        for name in names:
            check = dg.AssetCheckKey(raw_key(suite.source, table), name)
            if report is None:
                yield _result(check, True, "The table does not exist yet.", judged="")
            elif name == SHAPE:
                yield _judge_shape(suite, table, check, report, judged[table])
            else:
                before = [one.ended for one in histories[check] if one.judged and one.judged != judged[table]]
                loads = _loads(instance, check.asset_key)
                yield _judge_volume(check, report, loads, max(before, default=None), sizes[table], judged[table])


def least_rows(sizes: Sequence[int]) -> int:
    """The lowest expected number of rows, from the sizes that earlier checks saw; 0 without a history."""
    if not sizes:
        return 0
    usual = statistics.median(sizes)
    return int(usual // 2) if usual >= _LEAST_SUSPICIOUS_TABLE else 0


def most_rows(earlier: Sequence[int]) -> int | None:
    """The highest expected number of rows of a load, from what earlier loads wrote; None without a history."""
    if not earlier:
        return None
    return max(int(statistics.median(earlier) * _TIMES_THE_USUAL), _LEAST_SUSPICIOUS_LOAD)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _check_specs(
    suite: Suite, title: str, condition: dg.AutomationCondition[dg.AssetKey | dg.AssetCheckKey] | None
) -> Iterator[dg.AssetCheckSpec]:
    for table, rules in suite.by_table.items():
        yield dg.AssetCheckSpec(
            SHAPE,
            asset=raw_key(suite.source, table),
            description=f"{title}, {table}: " + "; ".join(rule.summary for rule in rules) + ".",
            automation_condition=condition,
        )
        yield dg.AssetCheckSpec(
            VOLUME,
            asset=raw_key(suite.source, table),
            description=(
                f"{title}, {table}: at least half as many rows as the last {_HISTORY} checks saw, and no load of more "
                f"than {_TIMES_THE_USUAL} times the usual."
            ),
            automation_condition=condition,
        )


def _volume(suite: Suite, table: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(raw_key(suite.source, table), VOLUME)


def _judge_shape(
    suite: Suite, table: str, check: dg.AssetCheckKey, report: "Report", judged: str
) -> dg.AssetCheckResult:
    rules = len(suite.by_table[table])
    if not report.findings:
        return _result(check, True, f"{rules} expectations hold for {report.rows:,} rows.", judged, report.rows)
    broken = any(finding.rule.severity == "critical" for finding in report.findings)
    sentences = [
        f"not always: {one.rule.summary} ({one.unexpected_rows:,} of {report.rows:,} rows"
        + (f", such as {', '.join(one.samples)}" if one.samples else "")
        + ")"
        for one in report.findings
    ]
    records = [
        dg.TableRecord(
            {
                "column": ", ".join(one.rule.columns),
                "expected": one.rule.summary,
                "severity": one.rule.severity,
                "rows": one.unexpected_rows,
                "samples": " | ".join(one.samples) if suite.shows_values else "not shown",
            }
        )
        for one in report.findings
    ]
    return _result(
        check,
        False,
        f"{len(report.findings)} of {rules} expectations do not hold: " + "; ".join(sentences) + ".",
        judged,
        report.rows,
        dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
        {"findings": dg.MetadataValue.table(records)},
    )


def _judge_volume(
    check: dg.AssetCheckKey,
    report: "Report",
    loads: Sequence[Load],
    last_judged: float | None,
    sizes: Sequence[int],
    judged: str,
) -> dg.AssetCheckResult:
    """Evaluate the table's size and the loads since the last evaluation; without one, the latest load."""
    newest = max((load.ended for load in loads), default=0.0)
    fresh = [load.written for load in loads if (load.ended > last_judged if last_judged else load.ended == newest)]
    earlier = [load.written for load in loads if (load.ended <= last_judged if last_judged else load.ended < newest)]
    most = most_rows(earlier)
    largest = max(fresh, default=0)
    problems = []
    if report.shrunk:
        usual = int(statistics.median(sizes))
        problems.append(f"The table has shrunk: {report.rows:,} rows, where it used to have {usual:,}.")
    if most is not None and largest > most:
        problems.append(f"A load wrote {largest:,} rows; more than {most:,} is unusual here.")
    metadata: dict[str, Any] = {"largest_new_load": largest, "earlier_loads": len(earlier)}
    if most is not None:
        metadata["largest_usual_load"] = most
    if problems:
        return _result(check, False, " ".join(problems), judged, report.rows, dg.AssetCheckSeverity.WARN, metadata)
    found = f"{report.rows:,} rows; " + (
        "as usual." if earlier or sizes else "no earlier load or check to compare with yet."
    )
    return _result(check, True, found, judged, report.rows, metadata=metadata)


def _result(
    check: dg.AssetCheckKey,
    passed: bool,
    found: str,
    judged: str,
    rows: int | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=passed,
        severity=severity,
        description=found,
        metadata={JUDGED: judged, FOUND: found, **({ROWS: rows} if rows is not None else {}), **(metadata or {})},
    )


def _repeated(check: dg.AssetCheckKey, last: Judgement) -> dg.AssetCheckResult:
    result = _result(check, last.passed, last.found, last.judged, last.rows, last.severity)
    return result._replace(description=f"Nothing new has landed since the last check, which found: {last.found}")


def _data_version(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    """The table's data version after the last load: it changes only when rows are written."""
    record = instance.get_latest_data_version_record(key)
    tags = record.asset_materialization.tags if record and record.asset_materialization else None
    return tags.get("dagster/data_version") if tags else None


def _history(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> list[Judgement]:
    """Earlier evaluations, newest first."""
    found = []
    for record in instance.event_log_storage.get_asset_check_execution_history(check, limit=_HISTORY + 1):
        # A check that is planned or running, like this one, has no event yet.
        event = record.event
        evaluation = event.dagster_event.event_specific_data if event and event.dagster_event else None
        if event is None or not isinstance(evaluation, dg.AssetCheckEvaluation):
            continue
        metadata = {name: one.value for name, one in evaluation.metadata.items()}
        rows = metadata.get(ROWS)
        found.append(
            Judgement(
                evaluation.passed,
                evaluation.severity,
                str(metadata.get(JUDGED, "")),
                str(metadata.get(FOUND, "")),
                int(rows) if isinstance(rows, int) else None,
                event.timestamp,
            )
        )
    return found


def _loads(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[Load]:
    """The last loads that wrote anything; a skipped one wrote nothing."""
    loads = []
    for record in instance.fetch_materializations(key, limit=_LOADS).records:
        metadata = record.asset_materialization.metadata if record.asset_materialization else {}
        written = metadata[WRITTEN].value if WRITTEN in metadata else None
        if isinstance(written, int) and written > 0 and SKIPPED not in metadata:
            loads.append(Load(written, record.timestamp))
    return loads
