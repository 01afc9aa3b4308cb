"""Names from outside command no terminal and start no formula in a spreadsheet."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from psycopg import sql
from rich.console import Console

from assets.progress import LandedTable
from orchestration.commands.expectations import check_expectations
from orchestration.commands.query import print_query
from orchestration.commands.summary import RunSummary
from orchestration.commands.terminal import TerminalListener, print_summary
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from sources.kit.spreadsheets import harmless, harmless_row
from sources.kit.visible import visible

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
SELECT = "select {} as name, {} as other, -5.5 as amount, null::text as nothing, ''::text as empty"


def select(name: str, other: str, *, statement: str = SELECT) -> str:
    return sql.SQL(statement).format(sql.Literal(name), sql.Literal(other)).as_string(None)


@pytest.mark.parametrize("form", ["table", "json"])
def test_control_characters_of_a_query_are_shown(
    fresh_database: Warehouse, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    print_query(fresh_database, "owner", select(ESCAPE, "\x9b2J\x7f"), form)
    printed = capfd.readouterr().out
    assert not [one for one in printed if not one.isprintable() and one != "\n"]
    assert "owned" in printed


def test_control_characters_in_the_name_of_a_column_are_shown(
    fresh_database: Warehouse, capfd: pytest.CaptureFixture[str]
) -> None:
    query = sql.SQL("select 1 as {}").format(sql.Identifier(ESCAPE)).as_string(None)
    print_query(fresh_database, "owner", query, "table")
    assert "\x1b" not in capfd.readouterr().out


def test_control_characters_in_a_run_are_shown() -> None:
    output = io.StringIO()
    console = Console(file=output, width=200)
    listener = TerminalListener(console)
    listener.failed(f"project {ESCAPE} is gone")
    listener.landed(ESCAPE, {"projects": LandedTable(1, 1, {})})
    summary = RunSummary(failures=[f"cell {ESCAPE}"], unresolved_cells=[f"name {ESCAPE}"], warnings=[f"rule {ESCAPE}"])
    print_summary(summary, console, Path(__file__))
    printed = output.getvalue()
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert printed.count("\\x1b]0;owned\\x07") == 5


def test_control_characters_of_an_expectation_are_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = SimpleNamespace(
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        asset_key=dg.AssetKey(["clockify", "projects"]),
        description=f"unexpected {ESCAPE}",
    )
    result = SimpleNamespace(success=True, get_asset_check_evaluations=lambda: [broken])
    job = SimpleNamespace(execute_in_process=lambda **_: result)
    definitions = SimpleNamespace(resolve_job_def=lambda _: job)
    monkeypatch.setattr("orchestration.commands.expectations.build_definitions", lambda _: definitions)
    monkeypatch.setattr("orchestration.commands.expectations.open_warehouse", lambda _: None)
    output = io.StringIO()
    settings = Settings(profile="sandbox", home=tmp_path)
    assert not check_expectations(settings, ["clockify"], console=Console(file=output, width=200))
    assert "unexpected \\x1b]0;owned\\x07" in output.getvalue()
    assert "\x1b" not in output.getvalue()


@pytest.mark.parametrize("statement", [SELECT, f"/* not copied */ {SELECT}"], ids=["copied", "fetched"])
@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x","y")', "=a,b\nc", "-1 day"],
)
def test_no_cell_of_csv_starts_a_formula(
    fresh_database: Warehouse, capfd: pytest.CaptureFixture[str], statement: str, cell: str
) -> None:
    print_query(fresh_database, "owner", select(cell, cell, statement=statement), "csv")
    printed = capfd.readouterr().out
    header, row = csv.reader(io.StringIO(printed, newline=""))
    assert header == ["name", "other", "amount", "nothing", "empty"]
    assert row == [f"'{cell}", f"'{cell}", "-5.5", "", ""]


@pytest.mark.parametrize("statement", [SELECT, f"/* not copied */ {SELECT}"], ids=["copied", "fetched"])
def test_raw_csv_is_as_the_cells_are(
    fresh_database: Warehouse, capfd: pytest.CaptureFixture[str], statement: str
) -> None:
    print_query(fresh_database, "owner", select("=1+1", "x", statement=statement), "csv", raw=True)
    _, row = csv.reader(io.StringIO(capfd.readouterr().out))
    assert row[0] == "=1+1"


@pytest.mark.parametrize("number", ["-5", "+3.25", "-.5", "-1e-7", "+12.", "-Infinity"])
def test_a_number_keeps_its_sign(number: str) -> None:
    assert harmless(number) == number


@pytest.mark.parametrize("row", [b'a,"b,=c",d\n', b'"x ""=y""",1\n', b'"line\n=2",z\n', b",,-1\n", b'"",a=b,c-d\n'])
def test_what_only_looks_like_the_beginning_of_a_cell_stays(row: bytes) -> None:
    assert harmless_row(row) == row


def test_ordinary_text_is_shown_as_it_is() -> None:
    text = "Zoë’s café – 3 €\tok\nnext 👍🏽"
    assert visible(text) == text


def test_raw_is_refused_without_csv(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.commands.cli import main

    monkeypatch.setattr("sys.argv", ["workledger", "sql", "select 1", "--raw"])
    with pytest.raises(SystemExit):
        main()
    assert "--raw goes with --csv" in capfd.readouterr().err
