"""Evaluation of suites by Great Expectations on the warehouse. Import this module only to validate something.

The library takes seconds to import, so modules that define assets must not import this one at the top. It works inside
Postgres: it returns counts and a handful of values, so memory does not grow with the tables.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import great_expectations as gx
import psycopg
from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.interfaces import GxDatasourceWarning
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.expectations.core.expect_table_row_count_to_be_between import ExpectTableRowCountToBeBetween
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity

from assets.suites.rules import Rule, Suite
from sources.kit.errors import SourceError

_SAMPLES: Final = 5
_LONGEST_SAMPLE: Final = 60
_LEAST_ROWS: Final = "least_rows"
_ROW_COUNT: Final = "expect_table_row_count_to_be_between"


@dataclass(frozen=True)
class Finding:
    """An expectation that failed: for how many rows, and with which values (where they may be shown)."""

    rule: Rule
    unexpected_rows: int
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Result for one table: its rows, whether there are fewer than expected, and the expectations that failed."""

    rows: int
    shrunk: bool
    findings: tuple[Finding, ...]


def validate(
    suite: Suite,
    schema: str,
    dsn: str,
    rules: Mapping[str, Sequence[Rule]],
    least_rows: Mapping[str, int],
    docs_folder: Path | None = None,
) -> dict[str, Report]:
    """Run a source's suite, one table after the other; reads only.

    Args:
        suite: the source's suite.
        schema: the schema of its tables.
        dsn: the warehouse, with a role that may read them.
        rules: what to expect, by table; only these tables are checked.
        least_rows: how many rows a table must have; 0 if it is not named.
        docs_folder: where to write Great Expectations' data docs; None writes none.

    Returns:
        The reports by table; a table that does not exist has none.

    Raises:
        SourceError: an expectation cannot be evaluated, because column and rule do not fit.
        psycopg.OperationalError: the warehouse cannot be reached.
    """
    context = _context()
    datasource = _datasource(context, dsn)
    existing = _existing(schema, dsn)
    now = datetime.now(UTC)
    reports = {}
    validated = []
    for table, expected in rules.items():
        if table not in existing:
            continue
        batches = datasource.add_table_asset(table, table_name=table, schema_name=schema)
        batch = batches.add_batch_definition_whole_table(table)
        parameters = {_LEAST_ROWS: least_rows.get(table, 0)}
        reports[table] = _report(suite, table, batch, expected, parameters, now)
        validated.append((table, batch, parameters))
    if docs_folder is not None:
        _write_docs(context, suite, validated, rules, docs_folder, now)
    return reports


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _context() -> EphemeralDataContext:
    context = gx.get_context(mode="ephemeral")
    # No usage statistics are sent, in any version of the library.
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _datasource(context: EphemeralDataContext, dsn: str) -> SQLDatasource:
    with warnings.catch_warnings():
        # The class for Postgres refuses a socket's folder as a host; the general one accepts every address.
        warnings.simplefilter("ignore", GxDatasourceWarning)
        sources: Any = context.data_sources
        datasource: SQLDatasource = sources.add_sql(
            "warehouse",
            connection_string=f"postgresql+psycopg2://{dsn.partition('://')[2]}",
            kwargs={"execution_options": {"postgresql_readonly": True}},
        )
    return datasource


def _existing(schema: str, dsn: str) -> set[str]:
    query = "select table_name from information_schema.tables where table_schema = %s"
    with psycopg.connect(dsn) as connection:
        return {str(name) for (name,) in connection.execute(query, [schema])}


def _report(
    suite: Suite,
    table: str,
    batch: BatchDefinition[Any],
    rules: Sequence[Rule],
    parameters: dict[str, Any],
    now: datetime,
) -> Report:
    """First whether anything is wrong, in one scan for most rules; then how much, only for the rules that failed."""
    suspects = list(rules)
    if rules:
        first = _validate(batch, _suite(suite, table, rules, now), "BOOLEAN_ONLY", parameters)
        suspects = [rules[_place(result)] for result in first.results if not result.success]
    form = {"result_format": "SUMMARY", "partial_unexpected_count": _SAMPLES}
    second = _validate(batch, _suite(suite, table, suspects, now, counted=True), form, parameters)
    rows, shrunk, findings = 0, False, []
    for result in second.results:
        if _is_row_count(result):
            rows, shrunk = int(result.result["observed_value"]), not result.success
        elif not result.success:
            findings.append(_finding(suite, suspects[_place(result)], result.result))
    return Report(rows, shrunk, tuple(findings))


def _validate(
    batch: BatchDefinition[Any], suite: ExpectationSuite, form: Any, parameters: dict[str, Any]
) -> ExpectationSuiteValidationResult:
    result = batch.get_batch().validate(suite, result_format=form, expectation_parameters=parameters)
    for one in result.results:
        if message := _raised(one.exception_info):
            what = one.expectation_config.description if one.expectation_config else ""
            raise SourceError(f"Expectation “{what}” of suite {suite.name} cannot be evaluated: {message}")
    return result


def _suite(
    suite: Suite, table: str, rules: Sequence[Rule], now: datetime, *, counted: bool = False
) -> ExpectationSuite:
    expectations: list[Expectation] = [_expectation(rule, place, now) for place, rule in enumerate(rules)]
    if counted:
        least: Any = {"$PARAMETER": _LEAST_ROWS}
        expectations.append(ExpectTableRowCountToBeBetween(min_value=least, severity=FailureSeverity.WARNING))
    return ExpectationSuite(f"{suite.source}.{table}", expectations=expectations)


def _expectation(rule: Rule, place: int, now: datetime) -> Expectation:
    arguments: dict[str, Any] = {
        name: now + value if isinstance(value, timedelta) else value for name, value in rule.arguments.items()
    }
    kind: Any = getattr(gx.expectations, rule.expectation)
    expectation: Expectation = kind(
        **arguments, severity=rule.severity, description=rule.summary, meta={"place": place}
    )
    return expectation


def _place(result: ExpectationValidationResult) -> int:
    """The rule's place in its suite; results come in a different order."""
    assert result.expectation_config is not None  # noqa: S101 - every result of a suite says what was expected
    return int(result.expectation_config.meta["place"])


def _is_row_count(result: ExpectationValidationResult) -> bool:
    return result.expectation_config is not None and result.expectation_config.type == _ROW_COUNT


def _finding(suite: Suite, rule: Rule, result: Mapping[str, Any]) -> Finding:
    samples: tuple[str, ...] = ()
    if suite.shows_values:
        values = (_text(value) for value in result.get("partial_unexpected_list") or ())
        samples = tuple(dict.fromkeys(values))[:_SAMPLES]
    return Finding(rule, int(result.get("unexpected_count") or 0), samples)


def _text(value: object) -> str:
    text = (
        ", ".join(map(str, value.values() if isinstance(value, dict) else value))
        if isinstance(value, dict | tuple | list)
        else str(value)
    )
    return text if len(text) <= _LONGEST_SAMPLE else f"{text[:_LONGEST_SAMPLE]}…"


def _raised(information: Any) -> str:
    """The message of an exception; the library nests it by metric in some cases and not in others."""
    for one in _flat(information or {}):
        if one.get("raised_exception"):
            lines = str(one.get("exception_message") or "no message").strip().splitlines()
            return lines[0]
    return ""


def _flat(information: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "raised_exception" in information:
        yield information
    else:
        for value in information.values():
            if isinstance(value, Mapping):
                yield from _flat(value)


def _write_docs(
    context: EphemeralDataContext,
    suite: Suite,
    validated: Sequence[tuple[str, BatchDefinition[Any], dict[str, Any]]],
    rules: Mapping[str, Sequence[Rule]],
    folder: Path,
    now: datetime,
) -> None:
    """Run the suite once more as a checkpoint, whose results the data docs are rendered from."""
    folder.mkdir(parents=True, exist_ok=True)
    context.add_data_docs_site(
        "docs",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())},
        },
    )
    form: Any = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": _SAMPLES if suite.shows_values else 0,
        "exclude_unexpected_values": not suite.shows_values,
    }
    for table, batch, parameters in validated:
        expectations = context.suites.add(_suite(suite, table, rules[table], now, counted=True))
        name = f"{suite.source}.{table}"
        definition = gx.ValidationDefinition(name=name, data=batch, suite=expectations)
        context.validation_definitions.add(definition)
        checkpoint = gx.Checkpoint(name=name, validation_definitions=[definition], result_format=form)
        context.checkpoints.add(checkpoint).run(expectation_parameters=parameters)
    context.build_data_docs(site_names=["docs"])
