"""A lock says who holds it and for how long it waits, and does not outlive its holder."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.errors import WorkledgerError
from orchestration.graph.locks import acting_as, locked


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[int]:
    """A process that holds the lock and hangs."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        acting_as("run 3f2a91bc (refresh_tempo)")
        with locked(tmp_path / "tempo.lock", "Tempo", print):
            os.write(writer, b"held")
            signal.pause()
    assert os.read(reader, 10) == b"held"
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_who_waits_is_told_for_which_run_since_when_and_how_long_and_then_what_to_do(
    tmp_path: Path, holder: int
) -> None:
    said: list[str] = []
    began = time.monotonic()
    with (
        pytest.raises(WorkledgerError, match=rf"Tempo is still in progress after 1 s: run 3f2a91bc .*kill {holder}"),
        locked(tmp_path / "tempo.lock", "Tempo", said.append, longest=1),
    ):
        pass
    assert 1 <= time.monotonic() - began < 3
    (sentence,) = said
    assert sentence.startswith(f"Tempo is in progress: run 3f2a91bc (refresh_tempo), process {holder}, since 20")
    assert sentence.endswith("; waiting for at most 1 s.")


def test_a_killed_holder_holds_nothing(tmp_path: Path, holder: int) -> None:
    os.kill(holder, signal.SIGKILL)
    said: list[str] = []
    with locked(tmp_path / "tempo.lock", "Tempo", said.append, longest=5):
        pass
    # Nobody is named who does not hold it.
    assert not (tmp_path / "tempo.holder").exists()
