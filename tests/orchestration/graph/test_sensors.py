"""File sensors: what grew is loaded once, what did not change is left alone, and nothing is lost while a load runs."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from orchestration.graph.schedules import SOURCE_TAG
from orchestration.graph.sensors import file_sensor, session_sensor
from orchestration.inputs.reference import reference_files, transcripts
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from sources.catalog import SOURCES


@dg.op
def nothing() -> None:
    """Stand in for a load."""


@dg.job
def a_load() -> None:
    nothing()


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "session_roots.csv").write_text(f"path,email,host\n{tmp_path / 'projects'},ann@example.com,laptop\n")
    return folder


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    file = tmp_path / "projects" / "-home-ann-shop" / "6f1c1f6e-0000-4000-8000-000000000001.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text('{"type": "summary"}\n')
    return file


Tick = Callable[[str | None], tuple[list[dg.RunRequest], str | None, str | None]]


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as one:
        yield one


@pytest.fixture
def tick(reference: Path, transcript: Path, instance: dg.DagsterInstance) -> Tick:
    settings = Settings(profile="production", home=reference.parent, reference_dir=reference)
    sensor = file_sensor(SOURCES["claude_code"], settings, lambda: transcripts(settings))

    def evaluate(cursor: str | None) -> tuple[list[dg.RunRequest], str | None, str | None]:
        data = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        return list(data.run_requests or []), data.cursor, data.skip_message

    return evaluate


def test_the_first_look_requests_a_load_and_an_unchanged_folder_none(tick: Tick) -> None:
    requests, cursor, _ = tick(None)
    assert [request.run_key for request in requests] == [cursor]
    again, _, message = tick(cursor)
    assert not again
    assert message == "No file has changed."


def test_a_grown_transcript_requests_one_load_under_a_key_of_its_own(tick: Tick, transcript: Path) -> None:
    _, before, _ = tick(None)
    with transcript.open("a") as lines:
        lines.write('{"type": "user"}\n')
    requests, after, _ = tick(before)
    assert [request.run_key for request in requests] == [after]
    assert after != before


def test_a_new_transcript_requests_a_load(tick: Tick, transcript: Path) -> None:
    _, before, _ = tick(None)
    transcript.with_name("6f1c1f6e-0000-4000-8000-000000000002.jsonl").write_text("{}\n")
    assert len(tick(before)[0]) == 1


def test_growth_during_a_load_waits_for_the_next_tick(
    tick: Tick, transcript: Path, instance: dg.DagsterInstance
) -> None:
    _, before, _ = tick(None)
    run = instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags={SOURCE_TAG: "claude_code"})
    with transcript.open("a") as lines:
        lines.write('{"type": "user"}\n')
    requests, kept, message = tick(before)
    assert not requests
    assert kept in (None, before)
    assert message == "Claude Code transcripts is still being loaded."
    instance.report_run_canceled(run)
    assert len(tick(before)[0]) == 1


def test_a_root_that_does_not_exist_is_no_failure(tick: Tick, transcript: Path) -> None:
    transcript.unlink()
    transcript.parent.rmdir()
    transcript.parent.parent.rmdir()
    requests, cursor, _ = tick(None)
    assert cursor is not None
    assert len(requests) == 1


def test_session_roots_that_cannot_be_read_name_no_transcripts(reference: Path) -> None:
    (reference / "session_roots.csv").write_bytes(b"path,email\n\xff\xfe,x\n")
    assert transcripts(Settings(profile="production", home=reference.parent, reference_dir=reference)) == []


def test_an_edited_reference_file_requests_a_load(reference: Path, instance: dg.DagsterInstance) -> None:
    settings = Settings(profile="production", home=reference.parent, reference_dir=reference)
    sensor = file_sensor(SOURCES["reference"], settings, lambda: reference_files(settings))
    first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    (reference / "clients.csv").write_text("client,company_name,status\n")
    second = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=first.cursor))
    assert len(second.run_requests or []) == 1


def test_a_sandbox_without_dataset_has_no_transcripts_and_is_not_generated(tmp_path: Path) -> None:
    settings = Settings(profile="sandbox", home=tmp_path)
    assert list(transcripts(settings)) == []
    assert not list(tmp_path.iterdir())


def test_a_tick_ends_what_outlasts_its_limits_and_starts_no_server(
    warehouse: Warehouse, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(profile="production", home=tmp_path, warehouse_query_timeout_seconds=0.2)
    said = session_sensor(settings).evaluate_tick(dg.build_sensor_context()).skip_message
    assert said == "No session has outlasted its limits."
    assert not (tmp_path / "postgres").exists()
    settings = replace(settings, home=server.folder.parent)
    monkeypatch.setattr("orchestration.warehouse.opening.DATABASE", warehouse.database)
    with contextlib.closing(warehouse.connect("analyst")) as connection:
        connection.execute("set statement_timeout = 0")
        connection.pgconn.send_query(b"select pg_sleep(60)")
        time.sleep(1.3)
        said = session_sensor(settings).evaluate_tick(dg.build_sensor_context()).skip_message
    assert said == "A session of analyst was ended: a query ran for more than 0.2 s."
