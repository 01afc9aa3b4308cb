"""Runs of dead processes are buried, whoever has their process id now; those of the living and of others are not."""

import os
import signal
from collections.abc import Callable

import dagster as dg
import pytest

from orchestration.graph.processes import PROCESS_TAG, bury_dead_runs, is_dead, process_id, this_process
from tests.orchestration.graph.stand_in import a_load


@pytest.fixture
def killed() -> str:
    """A process that was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, this_process().encode())
        signal.pause()
    named = os.read(reader, 1000).decode()
    assert process_id(named) == child
    os.kill(child, signal.SIGKILL)
    # Dead although nobody has collected it yet, as a child of the UI may be for a moment.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert is_dead(named)
    os.waitpid(child, 0)
    return named


def _changed(place: int, value: str) -> str:
    parts = this_process().split(" ")
    parts[place] = value
    return " ".join(parts)


ANOTHER: dict[str, tuple[Callable[[], str], bool]] = {
    "itself": (this_process, False),
    "another host": (lambda: _changed(0, "elsewhere"), False),
    "another host, whose process of that id began at another time": (
        lambda: _changed(0, "elsewhere").rpartition(" ")[0] + " 1",
        False,
    ),
    "before the power cut": (lambda: _changed(1, "an-earlier-boot"), True),
    "a process id that has been given away again": (lambda: _changed(3, "1"), True),
    "a process id that is free": (lambda: _changed(2, "4194303"), True),
    "a name of a former release": (lambda: f"{os.getpid()}:1795984391", True),
}


@pytest.mark.parametrize(("name", "dead"), ANOTHER.values(), ids=ANOTHER)
def test_a_process_is_known_by_host_boot_id_and_start(name: Callable[[], str], dead: bool) -> None:
    assert is_dead(name()) is dead


def test_runs_of_dead_processes_fail_and_free_their_slots(instance: dg.DagsterInstance, killed: str) -> None:
    def started(process: str | None, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> dg.DagsterRun:
        tags = {} if process is None else {PROCESS_TAG: process}
        return instance.create_run_for_job(a_load, status=status, tags=tags)

    dead, starting = started(killed), started(killed, dg.DagsterRunStatus.STARTING)
    canceling = started(killed, dg.DagsterRunStatus.CANCELING)
    alive, elsewhere, foreign = started(this_process()), started(_changed(0, "elsewhere")), started(None)
    log = instance.event_log_storage
    log.set_concurrency_slots("a_pool", 1)
    assert log.claim_concurrency_slot("a_pool", dead.run_id, "load").is_claimed
    assert not log.claim_concurrency_slot("a_pool", alive.run_id, "load").is_claimed

    buried = bury_dead_runs(instance)

    assert {run.run_id for run in buried} == {dead.run_id, starting.run_id, canceling.run_id}
    statuses = [
        instance.get_run_by_id(run.run_id).status.value  # type: ignore[union-attr]
        for run in (dead, starting, canceling, alive, elsewhere, foreign)
    ]
    assert statuses == ["FAILURE", "FAILURE", "CANCELED", "STARTED", "STARTED", "STARTED"]
    assert log.claim_concurrency_slot("a_pool", alive.run_id, "load").is_claimed
    assert not bury_dead_runs(instance)


def test_a_repetition_that_has_no_process_yet_is_not_taken_for_the_dead_one(
    instance: dg.DagsterInstance, killed: str
) -> None:
    dead = instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags={PROCESS_TAG: killed})
    bury_dead_runs(instance)
    # Dagster copies the tags of the run that it repeats; where a process starts from nothing, that takes seconds.
    again = instance.create_run_for_job(
        a_load,
        status=dg.DagsterRunStatus.STARTING,
        tags={PROCESS_TAG: killed, "dagster/parent_run_id": dead.run_id},
        parent_run_id=dead.run_id,
        root_run_id=dead.run_id,
    )
    assert bury_dead_runs(instance) == []
    # It has its own from then on, and dies as well.
    instance.add_run_tags(again.run_id, {PROCESS_TAG: f"{killed.rpartition(' ')[0]} 1"})
    assert [run.run_id for run in bury_dead_runs(instance)] == [again.run_id]
