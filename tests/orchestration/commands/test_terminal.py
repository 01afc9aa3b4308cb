"""What a person is shown of a run."""

import io
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from assets.progress import LandedTable
from orchestration.commands.summary import BuiltTable, RunSummary, collect
from orchestration.commands.terminal import TerminalListener, print_summary


def _printed(summary: RunSummary) -> str:
    output = io.StringIO()
    print_summary(summary, Console(file=output, width=200), Path("/home/ann/.workledger/logs/run.log"))
    return output.getvalue()


def test_the_summary_names_what_landed_what_was_built_and_what_to_do_next() -> None:
    summary = RunSummary(
        landed={
            "clockify": {"users": LandedTable(11, 2), "tags": LandedTable()},
            "claude_code": {"files": LandedTable(1, 1, {"bytes_read": 5200})},
        },
        built=[
            BuiltTable("marts.clients", 5),
            BuiltTable("registry.identifiers", None, 3),
            BuiltTable("reports.overlaps"),
        ],
        up_to_date=7,
        checks_passed=12,
    )
    text = _printed(summary)
    assert "Clockify: users 2/11\n" in text
    assert "Claude Code transcripts: files 1/1, 5,200 bytes" in text
    assert "marts: clients 5" in text
    assert "registry: identifiers +3" in text
    assert "3 tables and views; 7 are up to date" in text
    assert "12 rules: 12 passed, 0 warn, 0 failed" in text
    assert "workledger ui" in text
    assert "Failed" not in text
    assert summary.succeeded


@pytest.mark.parametrize("what", ["failures", "failed_checks"])
def test_a_failure_is_shown_with_the_place_of_the_full_log(what: str) -> None:
    fields: dict[str, Any] = {what: ["Clockify refuses the key; set SOURCES__CLOCKIFY__API_KEY to a valid one."]}
    summary = RunSummary(**fields)
    text = _printed(summary)
    assert not summary.succeeded
    assert "set SOURCES__CLOCKIFY__API_KEY" in text
    assert "/home/ann/.workledger/logs/run.log" in text


def test_a_warning_is_shown_but_is_no_failure() -> None:
    summary = RunSummary(warnings=["nothing_set_aside on clockify.quarantined_records: 1 new rows"])
    assert summary.succeeded
    assert "quarantined_records" in _printed(summary)


def test_reference_cells_that_name_nothing_are_shown_and_are_no_failure() -> None:
    summary = RunSummary(unresolved_cells=["projects.csv, column jira_project_key: 'OLD' is the key of no project"])
    assert summary.succeeded
    assert "'OLD' is the key of no project" in _printed(summary)


def test_what_comes_from_outside_is_printed_as_it_is() -> None:
    assert "[bold]Joe's[/bold] [1]" in _printed(RunSummary(failures=["[bold]Joe's[/bold] [1]"]))


def test_progress_without_a_terminal_is_whole_lines() -> None:
    output = io.StringIO()
    listener = TerminalListener(Console(file=output, width=200))
    listener.begins("Clockify")
    listener.landed("Clockify", {"users": LandedTable(11, 2)})
    listener.begins("Tempo")
    listener.skipped("Tempo is skipped; set SOURCES__TEMPO__API_TOKEN.")
    listener.begins("Warehouse")
    listener.finished(40, 1, 200)
    lines = [line.split(" (")[0] for line in output.getvalue().splitlines()]
    assert lines == [
        "→ Clockify …",
        "✓ Clockify: 2 rows new or changed, of 11 read",
        "→ Tempo …",
        "✓ Tempo is skipped; set SOURCES__TEMPO__API_TOKEN.",
        "→ Warehouse …",
        "✓ Warehouse: 40 models and tests, 1 of them failed; 200 models are up to date",
    ]


def _failing(failure: dict[str, Any]) -> RunSummary:
    @dg.asset
    def broken() -> None:
        raise failure.get("error") or (dg.Failure(**failure) if failure else KeyError("of nothing"))

    summary = RunSummary()
    with dg.DagsterInstance.ephemeral() as ephemeral:
        collect(summary, dg.materialize([broken], instance=ephemeral, raise_on_error=False))
    return summary


def test_a_build_that_fails_says_one_sentence_for_each_node() -> None:
    sentences = ["The model a failed: no such column.", "The test b failed: 3 rows."]
    summary = _failing({"description": "2 failed", "metadata": {"failures": dg.MetadataValue.json(sentences)}})
    assert summary.failures == sentences


def test_a_step_that_fails_says_its_own_sentence_or_the_innermost_reason() -> None:
    assert _failing({"description": "Clockify is down."}).failures == ["Clockify is down."]
    assert _failing({}).failures == ["KeyError: 'of nothing'"]


def test_an_interrupted_step_is_told_from_a_failed_one_in_one_sentence() -> None:
    assert not _failing({}).is_interrupted
    summary = _failing({"error": dg.DagsterExecutionInterruptedError()})
    assert summary.is_interrupted
    assert [one.split(":")[0] for one in summary.failures] == ["The run was interrupted"]
