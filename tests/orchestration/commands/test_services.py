"""The services of the UI: started again when they die, with a process for each run, and gone when their parent is."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestration.commands.services import Services
from orchestration.errors import WorkledgerError
from orchestration.graph import launcher


def _service(command: str, arguments: Any) -> None:
    """Stand in for Dagster's commands: note the process, do what the arguments say, and wait for the end."""
    folder = Path(arguments[0])
    number = len(list(folder.glob(f"{command}.*"))) + 1
    (folder / f"{command}.{number}").write_text(str(os.getpid()))
    if command == "dagster-daemon" and number == 1:
        assert launcher._requests is not None
        launcher._requests.send(b"a-run")
    os.write(1, f"{command} is up\n".encode())
    signal.pause()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(launcher, "call", _service)

    def execute(run_id: str) -> None:
        (tmp_path / run_id).write_text(str(os.getpid()))
        signal.pause()

    monkeypatch.setattr(launcher, "execute", execute)
    return tmp_path


@pytest.fixture
def parent(folder: Path) -> Iterator[psutil.Process]:
    """A process with a webserver, a daemon, and a run that the daemon has asked for."""
    (folder / "logs").mkdir()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException), (folder / "said").open("a", buffering=1) as said:
            services = Services(folder / "logs", lambda sentence: print(sentence, file=said))
            services.listen_to_signals()
            services.add("webserver", "dagster-webserver", [str(folder)])
            services.add("daemon", "dagster-daemon", [str(folder)])
            try:
                services.serve()
            finally:
                services.end()
        os._exit(0)
    yield psutil.Process(child)
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _until(what: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def _process(file: Path) -> psutil.Process:
    return psutil.Process(int(_until(lambda: file.exists() and file.read_text())))


def test_a_service_that_dies_is_started_again_and_a_killed_run_takes_nothing_along(
    folder: Path, parent: psutil.Process
) -> None:
    run, webserver = _process(folder / "a-run"), _process(folder / "dagster-webserver.1")
    assert {run.ppid(), webserver.ppid()} == {parent.pid}
    run.kill()
    _until(lambda: "died (signal 9); the run is marked as failed" in (folder / "said").read_text())
    assert webserver.is_running()
    _process(folder / "dagster-daemon.1").kill()
    again = _process(folder / "dagster-daemon.2")
    assert again.ppid() == parent.pid
    assert "daemon has ended (signal 9) and is started again" in (folder / "said").read_text()
    assert (folder / "logs" / "webserver.log").read_text() == "dagster-webserver is up\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_when_the_parent_ends_however_it_ends(
    folder: Path, parent: psutil.Process, number: signal.Signals
) -> None:
    children = [_process(folder / name) for name in ("a-run", "dagster-webserver.1", "dagster-daemon.1")]
    parent.send_signal(number)
    os.waitpid(parent.pid, 0)
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_service_that_dies_again_and_again_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "call", lambda *_: None)
    (tmp_path / "logs").mkdir()
    services = Services(tmp_path / "logs", print)
    services.add("webserver", "dagster-webserver", [])
    with pytest.raises(WorkledgerError, match=r"webserver dies again and again; see .*webserver\.log"):
        services.serve()
