"""Dagster's services as children of one process: its code server, daemon and webserver, and a child for every run.

This process imports and builds everything once; each child is forked from it and shares that memory. It must have a
single thread, because a fork copies only the thread that calls it. Standing children that die are started again; if
this process dies, its children end, however it died.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from orchestration.errors import WorkledgerError
from orchestration.graph import launcher

_READY_SECONDS: Final = 120.0
_END_SECONDS: Final = 5.0
# A service that dies again and again is given up.
_RESTARTS: Final = 3
_RESTARTS_WITHIN_SECONDS: Final = 300.0
_LOG_LIMIT_BYTES: Final = 10_000_000

Say = Callable[[str], None]


@dataclass
class Services:
    """The services of `workledger ui`.

    Attributes:
        logs: folder of one file for each service and run, where what they print goes.
        say: receives one sentence for whatever the user should know.
    """

    logs: Path
    say: Say
    _lifeline: tuple[int, int] = field(default_factory=os.pipe)
    _children: dict[int, str] = field(default_factory=dict)
    _commands: dict[str, Callable[[], None]] = field(default_factory=dict)
    _starts: dict[str, list[float]] = field(default_factory=dict)
    _requests: socket.socket | None = None
    _ending: bool = False

    def add(self, name: str, command: str, arguments: Sequence[str]) -> None:
        """Start a service, and again whenever it dies; `daemon` is the one that may ask for runs."""
        self._commands[name] = lambda: launcher.call(command, arguments)
        self._start_service(name)

    def wait_for(self, server: Path) -> None:
        """Wait until a server answers at a socket.

        Raises:
            WorkledgerError: it does not.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and not self._ending:
            with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
                probe.connect(str(server))
                return
            self._collect()
            time.sleep(0.05)
        if not self._ending:
            raise WorkledgerError(f"Dagster's code server does not start; see {self.logs / 'code_server.log'}.")

    def serve(self) -> None:
        """Start runs as they are asked for, and collect children that end, until a signal asks to end.

        Raises:
            WorkledgerError: a service died again and again.
        """
        while not self._ending:
            requests = [self._requests] if self._requests else []
            with contextlib.suppress(InterruptedError):
                for request in select.select(requests, [], [], 0.5)[0]:
                    run_id = request.recv(1000).decode()
                    if run_id:
                        self._fork(f"run {run_id}", partial(launcher.execute, run_id))
            self._collect()

    def first(self, name: str, body: Callable[[], None]) -> None:
        """Do something in a child, whose threads and connections are its own, and wait for it."""
        child = self._fork(name, body)
        os.waitpid(child, 0)
        del self._children[child]

    def listen_to_signals(self) -> None:
        """End when asked to, also when the terminal is closed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)

    def end(self) -> None:
        """End every child: first asked, then, five seconds later, killed."""
        for wait, number in ((_END_SECONDS, signal.SIGTERM), (1.0, signal.SIGKILL)):
            for child in self._children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)
            deadline = time.monotonic() + wait
            while self._children and time.monotonic() < deadline:
                for child, _ in self._ended():
                    del self._children[child]
                time.sleep(0.02)

    def _end(self, *_: Any) -> None:
        self._ending = True

    def _start_service(self, name: str) -> None:
        now = time.monotonic()
        recent = [one for one in self._starts.get(name, []) if now - one < _RESTARTS_WITHIN_SECONDS]
        if len(recent) > _RESTARTS:
            raise WorkledgerError(f"Dagster's {_title(name)} dies again and again; see {self.logs / f'{name}.log'}.")
        self._starts[name] = [*recent, now]
        body = self._commands[name]
        if name != "daemon":
            self._fork(name, body)
            return
        if self._requests:
            self._requests.close()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

        def daemon() -> None:
            launcher.request_over(theirs)
            body()

        self._fork(name, daemon)
        theirs.close()

    def _fork(self, name: str, body: Callable[[], None]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child:
            self._children[child] = name
            return child
        code = 1
        try:
            self._become(name)
            body()
            code = 0
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
        except BaseException:  # noqa: BLE001 - nothing may run on in the parent's frames
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _become(self, name: str) -> None:
        """Leave the parent's signals, session and output, and end when the parent does."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        # Ctrl+C reaches the parent, which ends its children in order.
        os.setsid()
        own, parents = self._lifeline
        os.close(parents)
        threading.Thread(target=_end_with_parent, args=[own], name="lifeline", daemon=True).start()
        kind, _, run_id = name.partition(" ")
        file = self.logs / "runs" / f"{run_id}.log" if run_id else self.logs / f"{kind}.log"
        file.parent.mkdir(exist_ok=True)
        if file.exists() and file.stat().st_size > _LOG_LIMIT_BYTES:
            file.unlink()
        output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)

    def _collect(self) -> None:
        """Notice children that have ended: services are started again, runs that died are buried."""
        for child, status in self._ended():
            name = self._children.pop(child)
            code = os.waitstatus_to_exitcode(status)
            if self._ending:
                continue
            if name in self._commands:
                self.say(f"Dagster's {_title(name)} has ended ({_reason(code)}) and is started again.")
                self._start_service(name)
            elif code:
                self.say(f"The process of {name} has died ({_reason(code)}); the run is marked as failed.")

    def _ended(self) -> list[tuple[int, int]]:
        found = []
        for child in list(self._children):
            number, status = os.waitpid(child, os.WNOHANG)
            if number:
                found.append((number, status))
        return found


def freeze() -> None:
    """Keep what has been imported out of garbage collection, which would write to memory that children share."""
    gc.collect()
    gc.freeze()


def _title(name: str) -> str:
    return name.replace("_", " ")


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _end_with_parent(lifeline: int) -> None:
    """Wait until the parent is gone, which closes the pipe; then end, in order if that is possible."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_END_SECONDS)
    os._exit(1)
