"""`workledger ui` and what becomes of it when processes are killed; `make test-kill` runs it, `make test` does not.

One UI on a database of the tests' server: a load that hangs is killed and repeated, then everything is killed.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from orchestration.graph.instance import open_instance
from orchestration.graph.locks import locked
from orchestration.graph.processes import PROCESS_TAG, bury_dead_runs, process_id
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer

pytestmark = pytest.mark.kill

PORT = 3955
JOB = "refresh_reference"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "reference").mkdir()
    (tmp_path / "home").mkdir()
    return Settings(profile="production", home=tmp_path / "home", reference_dir=tmp_path / "reference")


@pytest.fixture
def ui(settings: Settings, server: EmbeddedServer, fresh_database: Warehouse) -> Iterator[psutil.Process]:
    administrator = server.administrator(str(fresh_database.database))
    dsn = "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**administrator)
    environment = {
        **os.environ,
        "WORKLEDGER_HOME": str(settings.home),
        "REFERENCE_DIR": str(settings.reference_dir),
        "WAREHOUSE_DSN": dsn,
        # Production without any vendor.
        "WORKLEDGER_PROFILE": "production",
    }
    command = [sys.executable, "-m", "orchestration", "ui", "--port", str(PORT)]
    said = (settings.home.parent / "said").open("w")
    with said, subprocess.Popen(command, cwd=PROJECT_FOLDER, env=environment, stdout=said, stderr=said) as process:
        yield psutil.Process(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)


def _until(what: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/server_info", timeout=5) as answer:
            return bool(json.load(answer)["dagster_version"])
    except OSError:
        return False


def test_killed_processes_leave_nothing_stuck(settings: Settings, ui: psutil.Process) -> None:
    def runs(*statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        with open_instance(settings) as instance:
            return list(instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=list(statuses))))

    # A load that hangs, as it waits for this process.
    with locked(settings.home / "dlt" / "reference.lock", "Reference files", print):
        _until(_answers)
        (run,) = _until(lambda: [run for run in runs(dg.DagsterRunStatus.STARTED) if PROCESS_TAG in run.tags])
        number = process_id(run.tags[PROCESS_TAG])
        assert number is not None
        assert psutil.Process(number).ppid() == ui.pid
        psutil.Process(number).kill()
        # By monitoring, within its interval.
        _until(lambda: [one for one in runs(dg.DagsterRunStatus.FAILURE) if one.run_id == run.run_id], 90)
        assert _answers()
    # Growth is not forgotten: Dagster repeats the run.
    (again,) = _until(lambda: runs(dg.DagsterRunStatus.SUCCESS))
    assert again.tags["dagster/parent_run_id"] == run.run_id

    # A power cut, but for the machine: a run is in progress when everything dies.
    with locked(settings.home / "dlt" / "reference.lock", "Reference files", print):
        (settings.home.parent / "reference" / "clients.csv").write_text("client,company_name,status\n")
        (cut,) = _until(lambda: [run for run in runs(dg.DagsterRunStatus.STARTED) if PROCESS_TAG in run.tags])
        everything = [ui, *ui.children(recursive=True)]
        for process in everything:
            process.kill()
        assert not psutil.wait_procs(everything[1:], timeout=10)[1]
    with open_instance(settings) as instance:
        # A build or a check may have been in progress as well.
        assert cut.run_id in [one.run_id for one in bury_dead_runs(instance)]
    said = (settings.home.parent / "said").read_text()
    assert "is at http://127.0.0.1" in said
    assert "DEBUG" not in said
