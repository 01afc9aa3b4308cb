"""The command line as a user meets it: what it prints, where, and with which exit code."""

import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest

from orchestration.commands.cli import ROLE_NAMES, main
from orchestration.commands.doctor import Finding
from orchestration.settings import PROJECT_FOLDER, load_settings
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.roles import ROLES


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    output: str
    errors: str


Command = Callable[..., Outcome]


@pytest.fixture
def workledger(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], server: EmbeddedServer
) -> Command:
    """The command, run in this process on the tests' embedded server."""
    monkeypatch.setattr("orchestration.commands.cli._settings", partial(load_settings, env_file=None))
    monkeypatch.setenv("WORKLEDGER_HOME", str(server.folder.parent))
    # Under its own name and settings the server must not be restarted, so it has to be up.
    server.administrator()

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["workledger", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        sys.stdout.flush()
        printed = capfdbinary.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return Outcome(code, printed.out.decode(), printed.err.decode())

    return run


def test_help_answers_at_once_because_it_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['workledger', '--help']\n"
        "from orchestration.commands.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'dagster', 'dlt', 'dbt', 'psycopg', 'pandas', 'pyarrow', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("run", "ui", "dsn", "sql", "invoice", "sandbox", "reference", "doctor", "stop"):
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize("module", ["orchestration", "orchestration.commands.cli"])
def test_the_package_and_the_module_run_the_command_line(module: str) -> None:
    command = [sys.executable, "-m", module, "sandbox", "generate", "/no/such", "--as-of", "30.6.2026"]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "--as-of 30.6.2026 is not a date; write it like 2026-06-30.\n")


def test_dsn_imports_no_pipeline_library() -> None:
    script = (
        "import sys\n"
        "import orchestration.commands.cli, orchestration.warehouse.opening\n"
        "heavy = {'dagster', 'dlt', 'dbt', 'pandas', 'pyarrow', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_roles_offered_are_those_of_the_warehouse() -> None:
    assert ROLE_NAMES == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_dsn_prints_one_line_that_connects_as_the_role(workledger: Command, role: str) -> None:
    outcome = workledger("dsn", "--role", role)
    assert (outcome.code, outcome.errors) == (0, "")
    with psycopg.connect(outcome.output.strip()) as connection:
        assert connection.execute("select current_user").fetchone() == (role,)


def test_sql_prints_a_table_of_all_columns_however_wide(workledger: Command) -> None:
    outcome = workledger("sql", "select 1 as id, repeat('x', 300) as text, 2.50 as amount, null as nothing")
    assert outcome.code == 0
    header, row = outcome.output.splitlines()
    assert header.split() == ["id", "text", "amount", "nothing"]
    assert row.split() == ["1", "x" * 300, "2.50"]
    assert outcome.errors == "1 row\n"


def test_sql_does_not_take_brackets_for_markup(workledger: Command) -> None:
    assert "[bold]x[/bold]" in workledger("sql", "select '[bold]x[/bold]' as text").output


def test_sql_shows_the_first_thousand_rows_and_says_how_to_get_all(workledger: Command) -> None:
    outcome = workledger("sql", "select i from generate_series(1, 1001) as t(i)")
    assert len(outcome.output.splitlines()) == 1001
    assert outcome.errors == "1,001 rows; the first 1,000 are shown, --csv gives all\n"
    rows = list(
        csv.reader(io.StringIO(workledger("sql", "--csv", "select i from generate_series(1, 1001) as t(i)").output))
    )
    assert (rows[0], rows[-1], len(rows)) == (["i"], ["1001"], 1002)


def test_sql_json_keeps_every_digit(workledger: Command) -> None:
    query = """
        select 0.1000000000 as price, '{"a": 1.10, "ü": null}'::jsonb as record, true as flag, null as nothing,
               timestamptz '2026-06-30 12:00:00+02' as moment, array[1.50, 2] as amounts, 'a"b' as text
    """
    outcome = workledger("sql", "--json", query)
    assert '"price": 0.1000000000' in outcome.output
    assert json.loads(outcome.output) == [
        {
            "price": 0.1,
            "record": {"a": 1.1, "ü": None},
            "flag": True,
            "nothing": None,
            "moment": "2026-06-30T10:00:00+00:00",
            "amounts": [1.5, 2],
            "text": 'a"b',
        }
    ]
    assert json.loads(workledger("sql", "--json", "select 1 where false").output) == []


def test_sql_csv_quotes_and_distinguishes_null_from_empty_text(workledger: Command) -> None:
    outcome = workledger("sql", "--csv", "select 'a,b' as x, null as y, '' as z -- the end")
    assert outcome.output == 'x,y,z\n"a,b",,""\n'
    assert workledger("sql", "--csv", "show timezone").output == "TimeZone\nUTC\n"


def test_sql_reads_a_query_from_standard_input(workledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("select 41 + 1 as answer"))
    assert "42" in workledger("sql", "-").output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("reference", "accept", "clients"), "found no lost rows in clients.csv: there is nothing to accept"),
        (("sql", "select * from raw_clockify.users"), "Role analyst may not do that (permission denied for schema"),
        (("sql", "select * from marts.nothing"), "`workledger run` builds the tables"),
        (("sql", "selct 1"), "The query is refused at character 1: syntax error"),
        (("sql", "--csv", "select * from marts.nothing"), "`workledger run` builds the tables"),
        (("sql", "--json", "select 1/0 as x"), "The query is refused: division by zero."),
    ],
)
def test_a_failing_command_ends_in_one_sentence_on_standard_error(
    workledger: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    outcome = workledger(*arguments)
    assert outcome.code == 1
    assert sentence in outcome.errors
    assert len(outcome.errors.splitlines()) == 1
    assert "Traceback" not in outcome.errors


def test_a_slow_query_of_an_analyst_ends_and_the_sentence_names_the_setting(
    workledger: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_QUERY_TIMEOUT_SECONDS", "0.2")
    outcome = workledger("sql", "select pg_sleep(30)")
    assert outcome.code == 1
    assert "longer than 0.2 s, the limit of role analyst" in outcome.errors
    assert "WAREHOUSE_QUERY_TIMEOUT_SECONDS" in outcome.errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("dsn", "--role", "nobody"), "'nobody' is not one of"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("sandbox", "serve", "/no/such"), "'/no/such' does not exist"),
        (("sandbox", "generate", "/no/such", "--as-of", "30.6.2026"), "--as-of 30.6.2026 is not a date"),
    ],
)
def test_a_mistyped_command_is_one_sentence(workledger: Command, arguments: tuple[str, ...], sentence: str) -> None:
    outcome = workledger(*arguments)
    assert outcome.code != 0
    assert sentence in outcome.errors
    assert len(outcome.errors.splitlines()) == 1


def test_a_wrong_setting_is_one_sentence_and_debug_shows_the_traceback(
    workledger: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_TEXT", "some")
    outcome = workledger("dsn")
    assert (outcome.code, outcome.output) == (1, "")
    assert outcome.errors == (
        "SESSION_TEXT=some in the environment does not fit: it must be one of full, redacted, none.\n"
    )
    monkeypatch.setattr(sys, "argv", ["workledger", "dsn", "--debug"])
    with pytest.raises(Exception, match="SESSION_TEXT=some"):
        main()


def test_an_unexpected_error_is_one_sentence_too(workledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> None:
        raise RuntimeError("the sky\nfell")

    monkeypatch.setattr("orchestration.commands.doctor.examine", break_down)
    outcome = workledger("doctor")
    assert outcome.code == 1
    assert outcome.errors == ("Something unexpected went wrong (RuntimeError: the sky fell); --debug shows where.\n")


@pytest.mark.parametrize(("failed", "code"), [(True, 1), (False, 0)])
def test_doctor_prints_a_line_for_each_finding(
    workledger: Command, monkeypatch: pytest.MonkeyPatch, failed: bool, code: int
) -> None:
    findings = [Finding("home", "can be written"), Finding("jira", "refuses", failed=failed)]
    monkeypatch.setattr("orchestration.commands.doctor.examine", lambda: iter(findings))
    outcome = workledger("doctor")
    assert outcome.code == code
    assert outcome.output == f"✓ home: can be written\n{'✗' if failed else '✓'} jira: refuses\n"


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home with a warehouse of this test's own."""
    base = Path(tempfile.mkdtemp(prefix="workledger-home-"))
    base.chmod(0o711)
    yield base
    EmbeddedServer(base / "postgres").stop()
    shutil.rmtree(base)


def test_dsn_starts_the_server_and_stop_stops_it(
    workledger: Command, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    monkeypatch.setenv("WORKLEDGER_HOME", str(own_home))
    first = workledger("dsn").output
    assert workledger("stop").output == "The embedded warehouse is stopped.\n"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.strip())
    assert workledger("stop").output == "The embedded warehouse was not running.\n"
    assert workledger("dsn").output == first


def test_sandbox_generate_writes_a_dataset_folder_relative_to_the_caller(
    workledger: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = workledger("sandbox", "generate", "mine", "--scale", "0.05", "--seed", "7", "--as-of", "2026-06-30")
    assert outcome.code == 0, outcome.errors
    assert "2026-06" in (tmp_path / "mine" / "clockify" / "time_entries.jsonl").read_text()
