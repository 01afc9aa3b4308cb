"""Reference files: the templates are the ones that the source knows, and the made-up agency's pass its checks."""

from __future__ import annotations

import csv
import re
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import pytest

from sandbox.agency import Agency, tell_story
from sandbox.reference import TEMPLATES, write_reference
from sources.reference.client import validate_folder
from sources.reference.schema import FILES


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_reference(tell_story(1, 1.0, date(2026, 11, 20)), folder)
    return folder


def test_templates_have_the_files_and_columns_that_the_source_reads() -> None:
    headers = {}
    for path in TEMPLATES.glob("*.csv"):
        with path.open(newline="") as file:
            headers[path.stem] = tuple(next(csv.reader(file)))
    assert headers == {file.name: tuple(field.name for field in file.fields) for file in FILES}


def test_templates_ship_the_defaults() -> None:
    assert len(_read(TEMPLATES / "service_types.csv")) == 9
    assert {(row["label"], row["classification"]) for row in _read(TEMPLATES / "project_classifications.csv")} == {
        ("Proxima", "internal"),
        ("Education", "internal"),
        ("Internal-Infra", "overhead"),
    }
    assert [(row["weekday"], row["opens"], row["closes"]) for row in _read(TEMPLATES / "business_calendars.csv")] == [
        (str(day), "09:00", "18:00") for day in range(1, 6)
    ]
    meanings = {(row["kind"], row["value"]): row["meaning"] for row in _read(TEMPLATES / "jira_value_map.csv")}
    priorities = ("Highest", "High", "Medium", "Low", "Lowest")
    assert [meanings["priority", value] for value in priorities] == ["P1", "P2", "P3", "P4", "P5"]
    prices = [row for row in _read(TEMPLATES / "model_prices.csv") if row["model"] == "claude-sonnet-5-5"]
    assert [(row["valid_from"], row["cache_read"]) for row in prices] == [
        ("2026-09-28", "0.20"),
        ("2026-10-07", "0.10"),
    ]


def test_the_agency_fills_every_file(folder: Path) -> None:
    empty = [path.name for path in sorted(folder.glob("*.csv")) if not _read(path)]
    assert empty == []


def test_the_source_finds_nothing_to_complain_about(folder: Path) -> None:
    assert validate_folder(folder) == []
    assert validate_folder(TEMPLATES) == []


def test_the_edges_of_the_rules_have_rows(folder: Path) -> None:
    contracts = _read(folder / "contracts.csv")
    assert any(date.fromisoformat(row["start_date"]).day == 31 for row in contracts)
    services = [(row["client"], row["service_category"], row["start_date"][:4]) for row in contracts]
    assert len(set(services)) < len(services)
    assert {row["type"] for row in contracts} == {"monthly_retainer", "project_based", "pay_as_you_go"}
    moved = [row for row in _read(folder / "project_terms.csv") if row["project"] == "Sensor Hub"]
    assert len({row["client"] for row in moved}) == 2
    assert {row["rule_type"] for row in _read(folder / "billing_rules.csv")} == {"hourly", "fixed", "retainer"}
    assert any(float(row["amount"]) < 0 for row in _read(folder / "fixed_lines.csv"))


def test_a_table_without_a_template_is_refused(
    generated: tuple[Agency, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.reference.TEMPLATES", tmp_path)
    with pytest.raises(ValueError, match="There is no template for agency"):
        write_reference(generated[0], tmp_path / "out")


def _pattern(glob: str) -> re.Pattern[str]:
    """Read a glob as rule 3.8 says: `*` within a folder, a match holds for all below, `\\` is `/`."""
    text = re.escape(glob.replace("\\", "/")).replace(r"\*", "[^/]+")
    return re.compile(f"{text}(/.*)?$")


def test_the_longest_glob_in_force_finds_each_sessions_client_and_project(folder: Path) -> None:
    agency = tell_story(1, 1.0, date(2026, 11, 20))
    names = {client.key: client.name for client in agency.clients}
    rows = [
        (len(glob), _pattern(glob), row)
        for row in _read(folder / "repo_mappings.csv")
        for glob in row["path_globs"].split(";")
    ]
    checked = 0
    for session in agency.sessions:
        block = session.block
        day = str(block.local_date)
        matching = [
            (length, row["client"], row["project"])
            for length, pattern, row in rows
            if pattern.match(session.cwd.replace("\\", "/"))
            and (not row["valid_from"] or row["valid_from"] <= day)
            and (not row["valid_to"] or day <= row["valid_to"])
        ]
        if block.client is None or block.repository is None:
            assert not matching
            continue
        assert max(matching)[1:] == (names[block.client], block.project.name)
        checked += 1
    assert checked > 2000


def test_each_transcript_folder_has_one_owner(folder: Path) -> None:
    agency = tell_story(1, 1.0, date(2026, 11, 20))
    roots = [(row["path"], row["email"]) for row in _read(folder / "session_roots.csv")]
    for developer in agency.developers:
        for host in developer.hosts:
            owners = {email for path, email in roots if fnmatch(f"claude/{host}/projects", path)}
            assert owners == {developer.email}
