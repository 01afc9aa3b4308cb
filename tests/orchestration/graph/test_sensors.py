"""File sensors: what grew is loaded once, what did not change is left alone, and nothing is lost while a load runs."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.graph import sensors
from orchestration.graph.schedules import SOURCE_TAG
from orchestration.graph.sensors import file_sensor, session_sensor
from orchestration.inputs.reference import reference_files, transcripts
from orchestration.settings import Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from sources.catalog import SOURCES
from tests.orchestration.graph.stand_in import a_load


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


class Daemon:
    """Evaluates a sensor with its own cursor, as the daemon does, and executes what it asks for as it is told."""

    def __init__(self, sensor: dg.SensorDefinition, instance: dg.DagsterInstance, source: str) -> None:
        self._sensor = sensor
        self._instance = instance
        self._source = source
        self.cursor: str | None = None
        self.message: str | None = None

    def tick(self) -> dg.DagsterRun | None:
        """Return the run that the tick asks for, in progress."""
        context = dg.build_sensor_context(instance=self._instance, cursor=self.cursor)
        data = self._sensor.evaluate_tick(context)
        self.cursor, self.message = data.cursor, data.skip_message
        if not data.run_requests:
            return None
        (request,) = data.run_requests
        # No key: Dagster would never start a second run under the same one.
        assert request.run_key is None
        tags = {SOURCE_TAG: self._source, **request.tags}
        return self._instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags=tags)

    def succeed(self, run: dg.DagsterRun | None) -> None:
        assert run is not None, self.message
        self._instance.report_dagster_event(
            dg.DagsterEvent(event_type_value=dg.DagsterEventType.RUN_SUCCESS.value, job_name="a_load"), run.run_id
        )

    def fail(self, run: dg.DagsterRun | None) -> None:
        assert run is not None, self.message
        self._instance.report_run_failed(run)

    def load(self) -> None:
        """A tick that asks for a load, the load, and the tick that learns of it."""
        self.succeed(self.tick())
        assert self.tick() is None
        assert self.message == "What has changed is loaded."


@pytest.fixture
def daemon(reference: Path, transcript: Path, instance: dg.DagsterInstance) -> Daemon:
    settings = Settings(profile="production", home=reference.parent, reference_dir=reference)
    sensor = file_sensor(SOURCES["claude_code"], settings, lambda: transcripts(settings))
    return Daemon(sensor, instance, "claude_code")


def _grow(transcript: Path) -> None:
    with transcript.open("a") as lines:
        lines.write('{"type": "user"}\n')


def test_the_first_look_requests_a_load_and_an_unchanged_folder_none(daemon: Daemon) -> None:
    daemon.load()
    assert daemon.tick() is None
    assert daemon.message == "No file has changed."


def test_a_grown_transcript_and_a_new_one_request_one_load_each(daemon: Daemon, transcript: Path) -> None:
    daemon.load()
    _grow(transcript)
    daemon.load()
    transcript.with_name("6f1c1f6e-0000-4000-8000-000000000002.jsonl").write_text("{}\n")
    daemon.load()
    assert daemon.tick() is None


def test_growth_during_a_load_waits_for_the_next_tick(
    daemon: Daemon, transcript: Path, instance: dg.DagsterInstance
) -> None:
    daemon.load()
    run = instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags={SOURCE_TAG: "claude_code"})
    _grow(transcript)
    assert daemon.tick() is None
    assert daemon.message == "Claude Code transcripts is still being loaded."
    instance.report_run_canceled(run)
    assert daemon.tick() is not None


def test_growth_is_not_forgotten_when_its_load_fails_once(daemon: Daemon, transcript: Path) -> None:
    daemon.load()
    loaded = daemon.cursor
    _grow(transcript)
    daemon.fail(daemon.tick())
    assert daemon.cursor == loaded
    assert daemon.tick() is None
    assert daemon.cursor == loaded
    assert _pause(daemon) == 60
    with _an_hour_later():
        daemon.load()
    assert daemon.cursor != loaded
    assert daemon.tick() is None


def test_a_load_that_fails_for_good_is_tried_ever_more_seldom_also_while_files_grow(
    daemon: Daemon, transcript: Path
) -> None:
    pauses = []
    for _ in range(8):
        _grow(transcript)
        with _an_hour_later():
            daemon.fail(daemon.tick())
        _grow(transcript)
        assert daemon.tick() is None
        pauses.append(_pause(daemon))
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    with _an_hour_later():
        daemon.load()


def _pause(daemon: Daemon) -> int:
    """The announced pause in seconds, of which a few have passed already."""
    found = re.fullmatch(
        r"The last \d+ loads of Claude Code transcripts failed; the next one begins in (\d+) s\.", str(daemon.message)
    )
    assert found
    return -(-int(found[1]) // 60) * 60


@contextmanager
def _an_hour_later() -> Iterator[None]:
    now = sensors._now() + timedelta(hours=1, seconds=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensors, "_now", lambda: now)
        yield


def test_a_retry_by_dagster_counts_as_the_load(daemon: Daemon, transcript: Path, instance: dg.DagsterInstance) -> None:
    run = daemon.tick()
    daemon.fail(run)
    assert run is not None
    # Dagster gives a retry the tags of what it repeats.
    daemon.succeed(instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags=run.tags))
    assert daemon.tick() is None
    assert daemon.message == "What has changed is loaded."


def test_a_root_that_does_not_exist_is_no_failure(daemon: Daemon, transcript: Path) -> None:
    transcript.unlink()
    transcript.parent.rmdir()
    transcript.parent.parent.rmdir()
    daemon.load()


def test_session_roots_that_cannot_be_read_name_no_transcripts(reference: Path) -> None:
    (reference / "session_roots.csv").write_bytes(b"path,email\n\xff\xfe,x\n")
    assert transcripts(Settings(profile="production", home=reference.parent, reference_dir=reference)) == []


def test_an_edited_reference_file_requests_a_load(reference: Path, instance: dg.DagsterInstance) -> None:
    settings = Settings(profile="production", home=reference.parent, reference_dir=reference)
    daemon = Daemon(
        file_sensor(SOURCES["reference"], settings, lambda: reference_files(settings)), instance, "reference"
    )
    daemon.load()
    (reference / "clients.csv").write_text("client,company_name,status\n")
    assert daemon.tick() is not None


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
    with closing(warehouse.connect("analyst")) as connection:
        connection.execute("set statement_timeout = 0")
        connection.pgconn.send_query(b"select pg_sleep(60)")
        time.sleep(1.3)
        said = session_sensor(settings).evaluate_tick(dg.build_sensor_context()).skip_message
    assert said == "A session of analyst was ended: a query ran for more than 0.2 s."
