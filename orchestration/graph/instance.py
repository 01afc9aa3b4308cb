"""Dagster's instance in the home, and its settings."""

import json
from pathlib import Path
from typing import Final

import dagster as dg

from orchestration.errors import WorkledgerError
from orchestration.settings import Settings

# Runs with the same value of this tag are executed one after the other.
ALONE_TAG: Final = ".dagster/alone"
# The slowest first load of a source takes an hour or two; one that takes longer hangs.
MAX_RUNTIME_SECONDS: Final = 3 * 3600

# The first line of the file; one without it is somebody's own, such as deploy/dagster.yaml.
_OURS: Final = (
    "# Written by Workledger at every start; runs, schedules and events of the asset graph are stored beside it."
)
_DAGSTER_YAML: Final = """\
{ours}
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
run_launcher:
  module: orchestration.graph.launcher
  class: ForkedRunLauncher
# What runs print goes to files below `logs`; Dagster's own capture starts two more processes for each step.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
concurrency:
  runs:
    max_concurrent_runs: 3
    # Two loads of one source, or two builds, would only wait for each other.
    tag_concurrency_limits:
      - key: {alone}
        value:
          applyLimitPerUniqueValue: true
        limit: 1
run_queue:
  dequeue_interval_seconds: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 120
  cancel_timeout_seconds: 60
  poll_interval_seconds: 30
  # For what is materialized by hand; jobs have limits of their own.
  max_runtime_seconds: {max_runtime}
run_retries:
  enabled: true
  # A run whose process died is started once more; jobs say by a tag if a failed step is a reason, too.
  max_retries: 1
  retry_on_asset_or_op_failure: false
retention:
  schedule: &kept
    purge_after_days:
      skipped: 1
      success: 7
      failure: 7
      started: 7
  sensor: *kept
  auto_materialize: *kept
freshness:
  enabled: true
"""


def dagster_folder(settings: Settings) -> Path:
    """Return Dagster's home, with its settings written; a dagster.yaml that Workledger did not write stays as it is.

    Raises:
        WorkledgerError: the home cannot be written.
    """
    folder = _home_folder(settings, "dagster")
    file = folder / "dagster.yaml"
    if not file.exists() or file.read_text().startswith(_OURS):
        values = {"ours": _OURS, "folder": json.dumps(str(folder)), "alone": ALONE_TAG}
        file.write_text(_DAGSTER_YAML.format(**values, max_runtime=MAX_RUNTIME_SECONDS))
    return folder


def log_folder(settings: Settings) -> Path:
    """Return the folder of logs.

    Raises:
        WorkledgerError: the home cannot be written.
    """
    return _home_folder(settings, "logs")


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the project's own Dagster instance, which `workledger ui` shows."""
    return dg.DagsterInstance.from_config(str(dagster_folder(settings)))


def _home_folder(settings: Settings, name: str) -> Path:
    folder = settings.home / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkledgerError(
            f"{folder} cannot be written ({error.strerror}); set WORKLEDGER_HOME to a writable folder."
        ) from None
    return folder
