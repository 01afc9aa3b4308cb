"""What a run did, read from Dagster's events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg

from assets.nodes import FAILURES, ROW_COUNT, ROWS_WRITTEN, UP_TO_DATE
from assets.progress import LandedTable
from assets.raw import READ, SKIPPED, WRITTEN

INTERRUPTED: Final = (
    "The run was interrupted: every table is as one build left it, and the next run makes up for the rest."
)


@dataclass(frozen=True)
class BuiltTable:
    """A model or snapshot that was built, as schema.name, and its rows: all of a table, or those that were added.

    Both are None for views.
    """

    name: str
    rows: int | None = None
    added: int | None = None


@dataclass
class RunSummary:
    """What a run did: what landed per source and table, what was built, which checks passed, what failed and why.

    `unresolved_cells` are sentences about cells of reference files that name nothing.
    """

    landed: dict[str, dict[str, LandedTable]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    built: list[BuiltTable] = field(default_factory=list)
    up_to_date: int = 0
    checks_passed: int = 0
    warnings: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    unresolved_cells: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_interrupted: bool = False
    seconds: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Whether everything that was asked for is loaded and built, and no check failed."""
        return not self.failures and not self.failed_checks


def collect(summary: RunSummary, result: dg.ExecuteInProcessResult) -> None:
    """Add what one execution did to the summary."""
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        metadata: dict[str, Any] = {name: one.value for name, one in materialization.metadata.items()}
        if READ in metadata:
            _collect_landed(summary, materialization.asset_key.path, metadata)
        elif UP_TO_DATE in metadata:
            summary.up_to_date = metadata[UP_TO_DATE]
        else:
            name = ".".join(materialization.asset_key.path)
            summary.built.append(BuiltTable(name, metadata.get(ROW_COUNT), metadata.get(ROWS_WRITTEN)))
    for check in result.get_asset_check_evaluations():
        what = f"{check.check_name} on {'.'.join(check.asset_key.path)}"
        rows = check.metadata.get("dagster_dbt/failed_row_count")
        detail = check.description or (f"{rows.value} rows" if rows else "")
        sentence = f"{what}: {detail}" if detail else what
        if check.passed:
            summary.checks_passed += 1
        elif check.severity is dg.AssetCheckSeverity.WARN:
            summary.warnings.append(sentence)
        else:
            summary.failed_checks.append(sentence)
    for event in result.filter_events(lambda one: one.is_step_failure):
        sentences = _sentences(event.step_failure_data)
        summary.is_interrupted |= INTERRUPTED in sentences
        summary.failures.extend(sentences)
    if not result.success and not summary.failures:
        summary.failures.append("The run ended before its first step; see the log.")


def _collect_landed(summary: RunSummary, path: Sequence[str], metadata: Mapping[str, Any]) -> None:
    source, table = path
    if note := metadata.get(SKIPPED):
        summary.skipped[source] = note
        return
    counters = {
        key: value for key, value in metadata.items() if key not in (READ, WRITTEN) and not key.startswith("dagster/")
    }
    summary.landed.setdefault(source, {})[table] = LandedTable(metadata[READ], metadata[WRITTEN], counters)


def _sentences(failure: Any) -> list[str]:
    """What a step raised: its own sentences if it has some, else the innermost error."""
    if failure.user_failure_data is not None:
        metadata = failure.user_failure_data.metadata
        if FAILURES in metadata:
            return [str(sentence) for sentence in metadata[FAILURES].value]
        return [failure.user_failure_data.description]
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
        return [INTERRUPTED]
    return [" ".join(str(error.message).split()) if error else "A step failed without a reason."]
