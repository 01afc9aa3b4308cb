"""Dagster's instance in the home: its settings, and the runs of processes that were killed."""

import json
import os
from pathlib import Path
from typing import Final

import dagster as dg
import psutil
from dagster._core.instance.ref import InstanceRef

from orchestration.errors import WorkledgerError
from orchestration.settings import Settings

_PROCESS_TAG: Final = "workledger/process"
_IN_PROGRESS: Final = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED)

_DAGSTER_YAML: Final = """\
# Written by Workledger at every start; runs, schedules and events of the asset graph are stored beside it.
storage:
  custom:
    module: orchestration.graph.storage
    class: QuickSqliteStorage
    config:
      base_dir: {folder}
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 5
freshness:
  enabled: true
"""
# One process shows its own progress; capturing its output would start a helper process for every step.
_IN_PROCESS: Final = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}


def dagster_folder(settings: Settings) -> Path:
    """Return Dagster's home, with its settings written.

    Raises:
        WorkledgerError: the home cannot be written.
    """
    folder = _home_folder(settings, "dagster")
    (folder / "dagster.yaml").write_text(_DAGSTER_YAML.format(folder=json.dumps(str(folder))))
    return folder


def log_folder(settings: Settings) -> Path:
    """Return the folder of logs.

    Raises:
        WorkledgerError: the home cannot be written.
    """
    return _home_folder(settings, "logs")


def open_instance(settings: Settings, *, in_process: bool = False) -> dg.DagsterInstance:
    """Open the project's own Dagster instance, which `workledger ui` shows.

    Args:
        settings: where the home is.
        in_process: the caller runs steps itself and shows their progress.
    """
    reference = InstanceRef.from_dir(str(dagster_folder(settings)), overrides=_IN_PROCESS if in_process else None)
    return dg.DagsterInstance.from_ref(reference)


def process_tags() -> dict[str, str]:
    """Tags of a run in this process: which process it is, so that its death is noticed; and no automatic retry."""
    return {_PROCESS_TAG: _this_process(), "dagster/max_retries": "0"}


def fail_runs_of_killed_processes(instance: dg.DagsterInstance) -> None:
    """Mark runs of killed processes as failed, so that nothing waits for them."""
    for one in instance.get_runs(dg.RunsFilter(statuses=list(_IN_PROGRESS))):
        process = one.tags.get(_PROCESS_TAG)
        if process and not _is_alive(process):
            instance.report_run_failed(one, "The process that ran it was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(one.run_id)


def _home_folder(settings: Settings, name: str) -> Path:
    folder = settings.home / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkledgerError(
            f"{folder} cannot be written ({error.strerror}); set WORKLEDGER_HOME to a writable folder."
        ) from None
    return folder


def _this_process() -> str:
    return f"{os.getpid()}:{psutil.Process().create_time():.0f}"


def _is_alive(process: str) -> bool:
    number, _, created = process.partition(":")
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" == created
    except psutil.NoSuchProcess:
        return False
