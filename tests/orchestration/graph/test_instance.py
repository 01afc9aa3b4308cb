"""Dagster's instance: where it is kept, and what becomes of runs whose process was killed."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.errors import WorkledgerError
from orchestration.graph.instance import (
    _this_process,
    dagster_folder,
    fail_runs_of_killed_processes,
    log_folder,
    open_instance,
)
from orchestration.graph.storage import QuickEventLogStorage
from orchestration.settings import Settings


@dg.op
def nothing() -> None:
    """Stand in for a load."""


@dg.job
def a_load() -> None:
    nothing()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings(profile="production", home=tmp_path), in_process=True) as one:
        yield one


def test_a_run_of_a_killed_process_is_marked_failed_and_one_of_a_living_is_not(instance: dg.DagsterInstance) -> None:
    def started(process: str) -> dg.DagsterRun:
        tags = {"workledger/process": process}
        return instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags=tags)

    dead, reused, alive = started("4194303:1"), started(f"{_this_process().split(':')[0]}:1"), started(_this_process())
    foreign = instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED)
    fail_runs_of_killed_processes(instance)
    statuses = [instance.get_run_by_id(run.run_id).status.value for run in (dead, reused, alive, foreign)]  # type: ignore[union-attr]
    assert statuses == ["FAILURE", "FAILURE", "STARTED", "STARTED"]


def test_the_instance_is_the_projects_own_keeps_runs_and_tells_nobody(tmp_path: Path) -> None:
    settings = Settings(profile="production", home=tmp_path)
    with open_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, QuickEventLogStorage)
        assert a_load.execute_in_process(instance=instance).success
    with open_instance(settings) as again:
        (run,) = again.get_runs()
        assert run.is_success
        events = [record.event_log_entry.dagster_event_type for record in again.get_records_for_run(run.run_id).records]
        assert dg.DagsterEventType.RUN_SUCCESS in events
    written = yaml.safe_load((dagster_folder(settings) / "dagster.yaml").read_text())
    assert written["telemetry"] == {"enabled": False}
    assert written["concurrency"]["pools"]["default_limit"] == 1


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "home"
    occupied.write_text("a file, no folder")
    with pytest.raises(WorkledgerError, match="set WORKLEDGER_HOME to a writable folder"):
        log_folder(Settings(profile="production", home=occupied))
