"""A source run alone: what it prints, and the one sentence with which it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.warehouse.connection import Warehouse

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def reference_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "developers.csv").write_text("email,name,timezone,status\nada@example.com,Ada,Europe/Berlin,active\n")
    return folder


def run(name: str, dsn: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "DLT_DATA_DIR": str(home / "dlt")}
    command = [sys.executable, "-m", f"sources.{name}", "--dsn", dsn, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)


def test_a_source_lands_alone(warehouse: Warehouse, reference_folder: Path, tmp_path: Path) -> None:
    done = run("reference", warehouse.dsn("loader"), tmp_path, "--set", f"folder={reference_folder}")
    assert done.returncode == 0, done.stderr
    assert ["developers", "1", "rows", "handed", "over"] in [line.split() for line in done.stdout.splitlines()]
    with warehouse.connect("loader") as connection:
        assert connection.execute("select email from raw_reference.developers").fetchall() == [("ada@example.com",)]


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        (
            "reference",
            ["--set", "folder=/no/such/folder"],
            "reference: /no/such/folder is no folder; set REFERENCE_DIR",
        ),
        ("clockify", [], "clockify: SOURCES__CLOCKIFY__API_KEY is not set; set it in the environment or by --set"),
    ],
)
def test_a_failure_is_one_sentence(
    fresh_database: Warehouse, tmp_path: Path, name: str, arguments: list[str], sentence: str
) -> None:
    done = run(name, fresh_database.dsn("loader"), tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
