"""`workledger run` on transcripts of the kinds that went wrong: relays, advisors, prices, places, other tools' logs."""

import io
import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.commands.run import run
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import embedded_server, open_warehouse
from tests.end_to_end import session_cases
from tests.end_to_end.session_cases import Expected, Session, identifier

KINDS: tuple[Callable[[Path], Expected], ...] = (
    session_cases.relayed,
    session_cases.vendors_ids,
    session_cases.advisors,
    session_cases.prices,
    session_cases.places,
    session_cases.no_transcripts,
)
REWRITTEN = Session("rewritten")
_COLUMNS = (
    "sessions.id, input_tokens, output_tokens, api_requests, cost_usd::float8 as cost_usd, duration_seconds, "
    "clients.company_name as client, developers.email as developer, sessions.host"
)


@dataclass
class Agency:
    """An agency of one person whose transcripts lie in several folders."""

    settings: Settings
    warehouse: Warehouse
    folder: Path
    expected: Expected

    def roots(self, *written: tuple[str, str]) -> dict[Path, str]:
        """Write session_roots.csv: a row per folder, with endings and hosts in turn; return the hosts."""
        folders = sorted(path for path in self.folder.iterdir() if path.is_dir())
        in_turn = list(zip(folders, itertools.cycle(written)))
        rows = [f"{path}{ending},ada@example.com,{host}" for path, (ending, host) in in_turn]
        (self.reference / "session_roots.csv").write_text("\n".join(["path,email,host", *rows]) + "\n")
        return {path: host for path, (_, host) in in_turn}

    @property
    def reference(self) -> Path:
        assert self.settings.reference_dir is not None
        return self.settings.reference_dir

    def run(self) -> None:
        summary = run(self.settings, None, Console(file=io.StringIO(), width=200))
        assert (summary.failures, summary.failed_checks) == ([], [])

    def sessions(self) -> dict[str, dict[str, object]]:
        with self.warehouse.connect("owner") as connection:
            cursor = connection.execute(
                f"select {_COLUMNS} from marts.claude_sessions as sessions "
                "left join marts.clients on sessions.client_id = clients.id "
                "left join marts.developers on sessions.developer_id = developers.id"
            )
            names = [column.name for column in cursor.description or ()]
            found = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
            for session, client in connection.execute(
                "select session_id, min(company_name) from marts.session_messages "
                "left join marts.clients on client_id = clients.id group by 1"
            ):
                found[session]["client_of_answers"] = client
        return found


@pytest.fixture(scope="module")
def agency(shared_folder: Path, parsed_home: Path) -> Iterator[Agency]:
    with tempfile.TemporaryDirectory(prefix="workledger-cases-") as temporary:
        Path(temporary).chmod(0o711)
        reference, transcripts = Path(temporary, "reference"), Path(temporary, "transcripts")
        reference.mkdir()
        (reference / "agency.csv").write_text("legal_name,timezone\nAgency,UTC\n")
        (reference / "developers.csv").write_text("email,name,timezone,status\nada@example.com,Ada,UTC,active\n")
        (reference / "clients.csv").write_text("client,company_name,status\nAcme,Acme Inc,active\n")
        globs = "C:\\work\\acme;//nas/shared;/srv/acme"
        (reference / "repo_mappings.csv").write_text(f"repo,client,path_globs\nacme/api,Acme,{globs}\n")
        expected: Expected = {}
        for kind in KINDS:
            folder = transcripts / kind.__name__
            folder.mkdir(parents=True)
            expected |= kind(folder)
        expected |= _shared_cases(shared_folder / "cases" / "sessions", transcripts)
        REWRITTEN.prompt()
        for number in range(7):
            REWRITTEN.answer(f"{session_cases.VENDOR_ID}r{number}", input_tokens=10)
        REWRITTEN.write(transcripts / "rewritten")
        settings = Settings(profile="production", home=Path(temporary, "home"), reference_dir=reference)
        shutil.copytree(parsed_home / "dbt", settings.home / "dbt")
        try:
            agency = Agency(settings, open_warehouse(settings), transcripts, expected)
            agency.roots(("", "laptop"))
            agency.run()
            yield agency
        finally:
            embedded_server(settings).stop()


def _shared_cases(cases: Path, transcripts: Path) -> Expected:
    """Cases that lie beside the checkout, where they do."""
    expected: Expected = {}
    for case in sorted(cases.glob("*/transcripts")):
        shutil.copytree(case, transcripts / case.parent.name)
        (values,) = re.findall(r"```json\n(.*?)```", (case.parent / "EXPECTED.md").read_text(), re.DOTALL)[:1]
        expected |= json.loads(values)
    return expected


def test_every_session_has_its_right_values(agency: Agency) -> None:
    found = agency.sessions()
    wrong = {}
    for session, values in agency.expected.items():
        if values is None:
            if session in found:
                wrong[session] = found[session]
            continue
        wanted = {name: value for name, value in values.items() if name != "_label"}
        have = {name: found.get(session, {}).get(name) for name in wanted}
        if have != {name: pytest.approx(value) if name == "cost_usd" else value for name, value in wanted.items()}:
            wrong[session] = {"wanted": values, "found": have}
    assert wrong == {}
    assert {session["developer"] for session in found.values()} == {"ada@example.com"}


def test_lines_that_a_rewritten_file_leaves_out_still_count(agency: Agency) -> None:
    before = agency.sessions()[REWRITTEN.id]
    assert (before["input_tokens"], before["api_requests"]) == (70, 7)
    again = Session("rewritten")
    again.lines = [line for number, line in enumerate(REWRITTEN.lines) if number not in (2, 3)]
    again.record("user", message={"role": "user", "content": "go on"}, uuid=identifier("added"))
    again.at = REWRITTEN.at
    again.answer(f"{session_cases.VENDOR_ID}added", input_tokens=10)
    corrected = json.loads(json.dumps(again.lines[1]))
    corrected["message"]["usage"]["input_tokens"] = 11
    again.lines[1] = corrected
    again.write(agency.folder / "rewritten")
    agency.run()
    after = agency.sessions()[REWRITTEN.id]
    assert (after["input_tokens"], after["api_requests"]) == (81, 8)
    assert after["duration_seconds"] == before["duration_seconds"]


def _files(agency: Agency) -> tuple[object, ...] | None:
    with agency.warehouse.connect("owner") as connection:
        return connection.execute(
            "select count(*), max(generation), (select count(*) from raw_claude_code.events) from raw_claude_code.files"
        ).fetchone()


# The last covers every folder, whichever it begins with.
@pytest.mark.parametrize("written", [(("/", "laptop"), ("", "")), (("/../*", "another"),)])
def test_sessions_keep_their_developer_however_their_root_is_written(
    agency: Agency, written: tuple[tuple[str, str], ...]
) -> None:
    landed = _files(agency)
    hosts = agency.roots(*written)
    agency.run()
    assert _files(agency) == landed
    found = agency.sessions()
    assert {session["developer"] for session in found.values()} == {"ada@example.com"}
    named = {
        file.stem: host for path, host in hosts.items() if host for file in path.rglob("*.jsonl") if file.stem in found
    }
    assert len(named) > 3
    assert {session: found[session]["host"] for session in named} == named


def test_what_a_person_removed_counts_no_more(agency: Agency) -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "removing_transcripts.md"
    (statement,) = re.findall(r"```sql\n(.*?)```", guide.read_text(), re.DOTALL)
    with agency.warehouse.connect("loader") as connection:
        removed = connection.execute(statement.replace("your-session", REWRITTEN.id)).fetchone()
    assert removed == (1,)
    # In the same run, the roots are written as at first.
    landed = _files(agency)
    agency.roots(("", ""))
    agency.run()
    assert _files(agency) == landed
    found = agency.sessions()
    assert REWRITTEN.id not in found
    assert {session["developer"] for session in found.values()} == {"ada@example.com"}
    # The file is still there and is not read again; what is added to it counts.
    file = agency.folder / "rewritten" / "-work" / f"{REWRITTEN.id}.jsonl"
    later = Session("rewritten", REWRITTEN.at.replace(hour=20))
    later.answer(f"{session_cases.VENDOR_ID}later", input_tokens=3)
    with file.open("ab") as lines:
        lines.write(later.text)
    agency.run()
    assert agency.sessions()[REWRITTEN.id]["input_tokens"] == 3
