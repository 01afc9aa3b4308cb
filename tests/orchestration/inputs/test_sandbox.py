"""The detached sandbox: one server for many processes, on the right folder, whatever was killed before."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from orchestration.errors import SandboxError
from orchestration.inputs.configuration import open_inputs
from orchestration.inputs.sandbox import RunningSandbox, ensure_sandbox, sandbox_command, stop_sandbox
from orchestration.settings import PROJECT_FOLDER, Settings
from sources.catalog import SOURCES


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose sandbox is stopped afterwards."""
    yield tmp_path / "home"
    stop_sandbox(Settings(profile="sandbox", home=tmp_path / "home"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A dataset folder written by hand, with one workspace and one session root."""
    folder = tmp_path / "dataset"
    (folder / "clockify").mkdir(parents=True)
    (folder / "clockify" / "workspaces.jsonl").write_text('{"id": "64a", "name": "Mine", "currencies": []}\n')
    (folder / "reference").mkdir()
    (folder / "reference" / "session_roots.csv").write_text("path,email,host\nclaude/a,ada@example.com,a\n,x@y.z,\n")
    return folder


def settings_for(home: Path, dataset: Path, **values: object) -> Settings:
    return Settings(profile="sandbox", home=home, sandbox_dir=dataset, **values)  # type: ignore[arg-type]


def process_of(home: Path) -> int:
    return int(json.loads((home / "sandbox" / "ready.json").read_text())["pid"])


def ask(sandbox: RunningSandbox) -> list[dict[str, object]]:
    given = sandbox.source_settings["clockify"]
    answer = requests.get(f"{given['base_url']}/workspaces", headers={"X-Api-Key": given["api_key"]}, timeout=5)
    answer.raise_for_status()
    return answer.json()  # type: ignore[no-any-return]


def silence(_: str) -> None:
    """Take a notice that the test does not look at."""


def test_it_serves_the_users_folder_and_outlives_its_caller(home: Path, dataset: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from orchestration.settings import Settings;"
        "from orchestration.inputs.sandbox import ensure_sandbox;"
        "print(ensure_sandbox(Settings('sandbox', Path(sys.argv[1]), sandbox_dir=Path(sys.argv[2])), print).url)"
    )
    command = [sys.executable, "-c", script, str(home), str(dataset)]
    callers = [subprocess.Popen(command, cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    urls = {caller.communicate()[0].strip() for caller in callers}
    sandbox = ensure_sandbox(settings_for(home, dataset), silence)
    assert urls == {sandbox.url}
    assert [workspace["name"] for workspace in ask(sandbox)] == ["Mine"]


def test_it_is_served_again_after_kill_9_and_stops_once(home: Path, dataset: Path) -> None:
    settings = settings_for(home, dataset)
    ensure_sandbox(settings, silence)
    os.kill(process_of(home), signal.SIGKILL)
    assert [workspace["name"] for workspace in ask(ensure_sandbox(settings, silence))] == ["Mine"]
    assert stop_sandbox(settings)
    assert not stop_sandbox(settings)


def test_it_keeps_its_port_so_that_links_in_records_stay_and_gives_it_up_where_it_is_taken(
    home: Path, dataset: Path
) -> None:
    settings = settings_for(home, dataset)
    first = ensure_sandbox(settings, silence)
    assert stop_sandbox(settings)
    assert ensure_sandbox(settings, silence).url == first.url
    assert stop_sandbox(settings)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(first.url.rpartition(":")[2])))
        other.listen()
        moved = ensure_sandbox(settings, silence)
    assert moved.url != first.url
    assert ask(moved)


def test_a_stale_ready_file_that_names_a_living_process_harms_nobody(home: Path, dataset: Path) -> None:
    settings = settings_for(home, dataset)
    (home / "sandbox").mkdir(parents=True)
    ready = {"url": "http://127.0.0.1:1", "pid": os.getpid(), "folder": str(dataset)}
    (home / "sandbox" / "ready.json").write_text(json.dumps(ready))
    assert not stop_sandbox(settings)
    assert ask(ensure_sandbox(settings, silence))


def test_another_folder_takes_the_place_of_the_first(home: Path, dataset: Path, tmp_path: Path) -> None:
    first = process_of(home) if ensure_sandbox(settings_for(home, dataset), silence) else 0
    other = tmp_path / "other"
    other.mkdir()
    assert ask(ensure_sandbox(settings_for(home, other), silence)) == []
    deadline = time.monotonic() + 5
    while Path(f"/proc/{first}").exists() and time.monotonic() < deadline:
        os.waitpid(-1, os.WNOHANG)
        time.sleep(0.01)
    assert process_of(home) != first


def test_a_folder_that_is_gone_is_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"does not start on .*/gone: There is no dataset folder"):
        ensure_sandbox(settings_for(home, tmp_path / "gone"), silence)


def test_a_line_that_cannot_be_read_is_named_with_its_file_whether_the_server_runs_or_not(
    home: Path, dataset: Path
) -> None:
    users = dataset / "clockify" / "users.jsonl"
    users.write_text('{"id": "u1"}\n{"id": "u2"\n')
    for _ in range(2):
        with pytest.raises(
            SandboxError, match=r"clockify/users\.jsonl, line 2: not valid JSON .* fix or remove the line"
        ):
            ensure_sandbox(settings_for(home, dataset), silence)
    users.write_text('{"id": "u1"}\n')
    assert ask(ensure_sandbox(settings_for(home, dataset), silence))


def test_a_generation_that_was_killed_begins_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = home / "sandbox" / "dataset.new" / "clockify"
    half.mkdir(parents=True)
    (half / "users.jsonl").write_text('{"id": "leftover"}\n')
    small = ["--scale", "0.05", "--months", "1"]
    monkeypatch.setattr(
        "orchestration.inputs.sandbox.sandbox_command",
        lambda given: sandbox_command([*given, *(small if given[0] == "generate" else [])]),
    )
    said: list[str] = []
    settings = Settings(profile="sandbox", home=home)
    sandbox = ensure_sandbox(settings, said.append)
    assert len(said) == 1
    assert "Generating a made-up agency" in said[0]
    assert "leftover" not in (sandbox.folder / "clockify" / "users.jsonl").read_text()
    assert not (home / "sandbox" / "dataset.new").exists()
    before = (sandbox.folder / "clockify" / "users.jsonl").stat().st_mtime_ns
    ensure_sandbox(settings, said.append)
    assert (sandbox.folder / "clockify" / "users.jsonl").stat().st_mtime_ns == before


def test_sources_are_handed_the_sandbox_and_the_datasets_own_reference_files(home: Path, dataset: Path) -> None:
    real = {"clockify": {"api_key": "real"}, "jira": {"email": "real"}}
    inputs = open_inputs(settings_for(home, dataset, sources=real, session_text="none"), silence)
    assert inputs.reference_dir == dataset / "reference"
    assert inputs.configuration("reference") == {"folder": str(dataset / "reference")}
    assert inputs.configuration("clockify")["api_key"] == "sandbox-clockify-key"
    assert inputs.configuration("claude_code") == {
        "roots": [{"path": "claude/a", "host": "a"}],
        "base_folder": str(dataset),
        "session_text": "none",
    }
    assert "real" not in repr(inputs.values)


def test_a_dataset_without_reference_files_has_none(home: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    inputs = open_inputs(settings_for(home, bare), silence)
    assert list(inputs.reference_dir.iterdir()) == []
    assert inputs.configuration("claude_code") == {}
    assert list(bare.glob("reference")) == []


def test_a_dataset_without_workspaces_or_users_skips_their_vendors(home: Path, dataset: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "clockify").mkdir(parents=True)
    (empty / "clockify" / "workspaces.jsonl").write_text("\n")
    (empty / "clockify" / "users.jsonl").write_text('{"id": "u1"}\n')
    inputs = open_inputs(settings_for(home, empty), silence)
    sentences = {name: inputs.missing(SOURCES[name]) for name in ("clockify", "jira", "tempo")}
    assert sentences == {
        "clockify": f"put its workspaces into {empty / 'clockify' / 'workspaces.jsonl'}",
        "jira": f"put its users into {empty / 'jira' / 'users.jsonl'}",
        "tempo": None,
    }
    assert open_inputs(settings_for(home, dataset), silence).missing(SOURCES["clockify"]) is None


def test_production_hands_over_ones_own_settings_and_starts_nothing(home: Path, dataset: Path) -> None:
    settings = Settings(
        profile="production",
        home=home,
        reference_dir=dataset / "reference",
        sources={"clockify": {"api_key": "real"}},
        clickhouse_dsn="http://mirror:8123",
    )
    inputs = open_inputs(settings, silence)
    assert inputs.configuration("clockify") == {"api_key": "real"}
    assert inputs.configuration("clickhouse") == {"dsn": "http://mirror:8123"}
    assert inputs.configuration("jira") == {}
    assert inputs.configuration("claude_code")["base_folder"] == str(PROJECT_FOLDER)
    assert not home.exists()
