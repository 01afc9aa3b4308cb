"""A command that is asked to end does so within five seconds, also where Dagster and locks would wait on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.graph.locks import acting_as, locked
from orchestration.settings import PROJECT_FOLDER

# What `workledger run` does while another process loads the same source; Dagster takes the signal for a reason to try
# the step again, half a minute later.
PROGRAM = """
import sys
from pathlib import Path
import dagster as dg
from orchestration.commands.ending import ends_by_sigterm
from orchestration.graph.locks import locked

@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=30))
def load():
    with locked(Path(sys.argv[1]), "Tempo", print, longest=60):
        pass

@dg.job
def a_load():
    load()

def says(sentence):
    print(sentence, flush=True)

with ends_by_sigterm(says), dg.DagsterInstance.ephemeral() as instance:
    print("begins", flush=True)
    a_load.execute_in_process(instance=instance, raise_on_error=False)
"""


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that waits for a lock that this one holds."""
    lock = tmp_path / "tempo.lock"
    acting_as("a test")
    with (
        locked(lock, "Tempo", print),
        subprocess.Popen(
            [sys.executable, "-u", "-c", PROGRAM, str(lock)],
            cwd=PROJECT_FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begins\n"
            said = process.stdout.readline()
            assert said.startswith(f"Tempo is in progress: a test, process {os.getpid()}, since 20")
            yield process
        finally:
            process.kill()


def test_a_run_that_waits_ends_by_sigterm_within_five_seconds(waiting: subprocess.Popen[str]) -> None:
    began = time.monotonic()
    waiting.send_signal(signal.SIGTERM)
    out, _ = waiting.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert waiting.returncode == 128 + signal.SIGTERM
    assert "the next run makes up for this one" in out
