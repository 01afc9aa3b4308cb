"""A run's process is asked to end, and killed if it does not; a run of another process is never taken for it."""

import os
import signal
from contextlib import suppress

import dagster as dg
import pytest

from orchestration.graph import launcher
from orchestration.graph.processes import PROCESS_TAG, this_process
from tests.orchestration.graph.stand_in import a_load


@pytest.fixture(autouse=True)
def _is_killed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_END_SECONDS", 0.5)


@pytest.mark.parametrize("obeys", [True, False])
def test_a_run_is_ended_also_when_its_process_hangs(instance: dg.DagsterInstance, obeys: bool) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if obeys else signal.SIG_IGN)
        os.write(writer, this_process().encode())
        while True:
            signal.pause()
    try:
        tags = {PROCESS_TAG: os.read(reader, 1000).decode()}
        run = instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags=tags)
        assert instance.run_launcher.terminate(run.run_id)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -(signal.SIGTERM if obeys else signal.SIGKILL)
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None
        assert ended.status is dg.DagsterRunStatus.CANCELED
        assert not instance.run_launcher.terminate(run.run_id)
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_process_that_has_the_id_of_a_dead_one_is_left_alone(instance: dg.DagsterInstance) -> None:
    # This process, had it begun at another time.
    tags = {PROCESS_TAG: this_process().rpartition(" ")[0] + " 1"}
    run = instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert not instance.run_launcher.terminate(run.run_id)
