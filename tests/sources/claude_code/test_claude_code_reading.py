"""One pass over many files, by one process or several."""

import csv
from pathlib import Path

import pytest

from sources.claude_code.client import FoundFile, SessionRoot, discover
from sources.claude_code.reading import Job, Outcome, read_files
from sources.kit.errors import SourceError
from tests.sources.claude_code.claude_code_world import COLUMNS, SESSION, answer, lines, user

JOB = Job(COLUMNS, "redacted", "2026-11-21T00:00:00+00:00")


@pytest.fixture
def found(tmp_path: Path) -> list[FoundFile]:
    for number in range(12):
        path = tmp_path / "projects" / f"{SESSION}{number}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lines(user(f"see CON-{number}\nplease"), *(answer(f"m{number}-{i}") for i in range(number))))
    return discover([SessionRoot(str(tmp_path / "projects"))], "")


def landed(outcome: Outcome, table: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for path, count in outcome.tables[table]:
        with path.open(newline="") as file:
            header, *part = csv.reader(file)
        assert header == COLUMNS[table]
        assert len(part) == count
        rows += part
    return sorted(rows)


def test_helpers_read_what_one_process_reads(found: list[FoundFile], tmp_path: Path) -> None:
    alone = read_files(found, {}, JOB, tmp_path / "alone", helpers=0)
    together = read_files(found, {}, JOB, tmp_path / "together", helpers=2)
    assert together.counts == alone.counts
    assert together.cursors == alone.cursors
    assert together.models == alone.models == {"claude-opus-5-5"}
    for name in COLUMNS:
        assert landed(together, name) == landed(alone, name)
    assert len(landed(alone, "messages")) == sum(range(12))


def test_a_helper_that_dies_is_named_in_one_sentence(
    found: list[FoundFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.claude_code.reading.sys.executable", "/bin/false")
    with pytest.raises(SourceError, match="a helper process that reads transcripts ended while starting"):
        read_files(found, {}, JOB, tmp_path / "spill", helpers=1)


def test_what_an_earlier_pass_left_is_swept_away(found: list[FoundFile], tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    (folder / "own").mkdir(parents=True)
    (folder / "own" / "messages.csv").write_text("from a killed run\n")
    outcome = read_files(found[:1], {}, JOB, folder, helpers=0)
    ((path, _),) = outcome.tables["messages"]
    assert path.read_text().startswith("file_id,")
