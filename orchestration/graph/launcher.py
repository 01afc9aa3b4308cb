"""How Dagster's runs get a process: forked from one that has everything imported, so that a run begins at once.

A run of its own process can be ended, also when it hangs, and takes nothing along when it dies. Started from nothing it
would cost ten seconds of imports and 250 MB; forked, it shares both with `workledger ui`.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from importlib.metadata import entry_points
from typing import Any, Final

import dagster as dg
from dagster._grpc.types import ExecuteRunArgs

from orchestration.graph.locks import acting_as
from orchestration.graph.processes import PROCESS_TAG, is_dead, process_id, this_process

# How long a run may take to end when it is asked to, before it is killed.
_END_SECONDS: Final = 5.0

_requests: socket.socket | None = None
_one_at_a_time = threading.Lock()


def request_over(channel: socket.socket) -> None:
    """Let this process, which is Dagster's daemon, ask for runs over a channel to the process that forks them."""
    global _requests
    _requests = channel


class ForkedRunLauncher(dg.DefaultRunLauncher):
    """Has `workledger ui` fork a process for each run; without it, runs start as Dagster's default has them."""

    def launch_run(self, context: Any) -> None:
        """Ask for a process that executes the run."""
        if _requests is None:
            super().launch_run(context)
            return
        with _one_at_a_time:
            _requests.send(context.dagster_run.run_id.encode())

    def terminate(self, run_id: str) -> bool:
        """End the run's process: it is asked first, and killed if it does not end within five seconds."""
        run = self._instance.get_run_by_id(run_id)
        process = run.tags.get(PROCESS_TAG) if run else None
        if run is None or process is None:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        number = process_id(process)
        if run.is_finished or number is None:
            return False
        self._instance.report_run_canceling(run)
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
            deadline = time.monotonic() + _END_SECONDS
            while time.monotonic() < deadline and not is_dead(process):
                time.sleep(0.1)
            if not is_dead(process):
                os.kill(number, signal.SIGKILL)
        run = self._instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self._instance.report_run_canceled(run)
        return True


def execute(run_id: str) -> None:
    """Execute a run that Dagster has queued, in this process."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished or run.job_code_origin is None:
            return
        # Before Dagster begins, which notes it as well: a process may die while it does.
        instance.add_run_tags(run_id, {PROCESS_TAG: this_process()})
        acting_as(f"run {run_id[:8]} ({run.job_name})")
        arguments = ExecuteRunArgs(run.job_code_origin, run_id, instance.get_ref()).get_command_args()
    call("dagster", arguments[arguments.index("api") :])


def call(command: str, arguments: Any) -> None:
    """Run one of Dagster's commands in this process, as its script in `bin` would."""
    (script,) = entry_points(group="console_scripts", name=command)
    sys.argv = [command, *arguments]
    script.load()()
