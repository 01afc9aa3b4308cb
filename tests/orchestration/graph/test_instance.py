"""Dagster's instance: where it is kept, and by which rules it starts, repeats and ends runs."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.errors import WorkledgerError
from orchestration.graph.instance import ALONE_TAG, dagster_folder, log_folder, open_instance
from orchestration.graph.launcher import ForkedRunLauncher
from orchestration.graph.storage import QuickEventLogStorage
from orchestration.settings import Settings
from tests.orchestration.graph.stand_in import a_load


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
    limit = {"key": ALONE_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    assert written["concurrency"]["runs"]["tag_concurrency_limits"] == [limit]


def test_runs_are_monitored_repeated_once_and_have_a_time_limit(tmp_path: Path) -> None:
    with open_instance(Settings(profile="production", home=tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 3 * 3600
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 1
        assert isinstance(instance.run_launcher, ForkedRunLauncher)


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "home"
    occupied.write_text("a file, no folder")
    with pytest.raises(WorkledgerError, match="set WORKLEDGER_HOME to a writable folder"):
        log_folder(Settings(profile="production", home=occupied))
