"""The machine that runs for a week: the vendors' server, `workledger ui`, a home on a disk of its own, and alerts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import dagster as dg
import psutil

from benchmarks.soak.clock import Clock
from orchestration.graph.instance import open_instance
from orchestration.graph.schedules import SOURCE_TAG
from orchestration.graph.sensors import FILES_TAG, fingerprint
from orchestration.inputs.reference import reference_files, transcripts
from orchestration.inputs.sandbox import RunningSandbox
from orchestration.settings import PROJECT_FOLDER, SETTING_NAMES, Settings, load_settings
from orchestration.warehouse.dbt import DbtProject, dbt_environment, prepare_manifest
from orchestration.warehouse.opening import database_name, embedded_server, open_warehouse
from orchestration.warehouse.state import BuildState, Catalog, LastBuild
from sources.catalog import SOURCES

_START_SECONDS: Final = 180.0
_IN_PROGRESS: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
VENDORS: Final = tuple(name for name, spec in SOURCES.items() if spec.sandbox_settings)


class Vendors:
    """The sandbox's server, in a process of its own, on a port that stays the same."""

    def __init__(self, dataset: Path, clock: Clock, folder: Path) -> None:
        """Start it."""
        self.dataset = dataset
        self._clock = clock
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "sandbox", "serve", str(self.dataset), "--port", str(self._port)]
        with (self._folder / "vendors.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT_FOLDER,
                env={**os.environ, **self._clock.environment},
                stdout=log,
                stderr=log,
            )
        until(self._answers, _START_SECONDS, "the vendors' server answers")

    def stop(self) -> None:
        """Take every vendor away."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def mutate(self, change: Mapping[str, Any]) -> None:
        """Change the dataset as `Story` asks for it."""
        self._ask("POST", "mutate", change)

    def fail(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Have answers fail from now on."""
        self._ask("POST", "faults", list(faults))

    def mend(self) -> int:
        """End all faults; return how many requests met one."""
        fired: int = sum(fault["fired"] for fault in self._ask("GET", "faults"))
        self._ask("DELETE", "faults")
        return fired

    def forget_requests(self) -> None:
        """Empty the server's own list of requests, which grows without end."""
        self._ask("DELETE", "requests")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._ask("GET", "health")
            return True
        return False

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, f"/_sandbox/{path}", data)
            answer = connection.getresponse()
            found = json.load(answer)
            if answer.status != 200:
                raise RuntimeError(f"The vendors' server refuses {method} {path}: {found}")
            return found
        finally:
            connection.close()


class Alerts:
    """A webhook that remembers what people were told."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.broken: list[str] = []
        self.over: list[str] = []
        told = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
                part: list[str] = []
                for line in text.splitlines():
                    if line in ("Broken:", "Over:"):
                        part = told.broken if line == "Broken:" else told.over
                    elif line.startswith("- "):
                        part.append(line[2:])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/alerts"


class Disk:
    """A disk of a limited size for the home, that can be filled to the last byte; where one may be mounted."""

    def __init__(self, place: Path, mebibytes: int) -> None:
        """Mount it."""
        self.place = place
        place.mkdir(mode=0o711)
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=711", "tmpfs", str(place)]
        self.is_mounted = subprocess.run(command, capture_output=True).returncode == 0

    @property
    def used(self) -> int:
        """Bytes in use."""
        if self.is_mounted:
            return shutil.disk_usage(self.place).used
        return size(self.place)

    def fill(self) -> None:
        """Leave no byte free."""
        free = shutil.disk_usage(self.place).free
        with (self.place / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, free)

    def free(self) -> None:
        """Remove what filled it."""
        (self.place / "ballast").unlink()

    def unmount(self) -> None:
        """Forget everything on it."""
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.place)], check=False)


class Machine:
    """A home in production, its settings, and `workledger ui`; started again when it dies, as systemd would."""

    def __init__(self, home: Path, clock: Clock, vendors: Vendors, alerts: Alerts | None, folder: Path) -> None:
        """Take the settings; nothing is started."""
        self._clock = clock
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        given = RunningSandbox(vendors.url, "", vendors.dataset).source_settings
        values = {
            "WORKLEDGER_PROFILE": "production",
            "WORKLEDGER_HOME": str(home),
            "REFERENCE_DIR": str(vendors.dataset / "reference"),
            **{SOURCES[source].variable(name): value for source, one in given.items() for name, value in one.items()},
        }
        if alerts is not None:
            values["ALERT_WEBHOOK"] = alerts.url
        self.settings: Settings = load_settings(values, env_file=None)
        # Nothing of the developer's own settings.
        own = {name: value for name, value in os.environ.items() if not name.startswith("SOURCES__")}
        self._environment = own | dict.fromkeys(SETTING_NAMES, "") | values | clock.environment
        self.starts = 0

    # --- processes

    def run(self, as_of: datetime | None = None) -> None:
        """`workledger run`, as of a moment.

        Raises:
            RuntimeError: it failed.
        """
        command = [sys.executable, "-m", "orchestration", "run"]
        environment = self._environment | {"AS_OF": as_of.isoformat() if as_of else ""}
        done = subprocess.run(command, cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"`workledger run` failed:\n{done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start the UI with its daemon, unless it runs, and wait until it answers."""
        if self.is_up():
            return
        command = [sys.executable, "-m", "orchestration", "ui", "--port", str(self._port)]
        with (self._folder / "ui.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT_FOLDER, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        self.starts += 1
        address = f"http://127.0.0.1:{self._port}/server_info"

        def answers() -> bool:
            with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
            return False

        until(answers, _START_SECONDS, "the UI answers")

    def is_up(self) -> bool:
        """Whether its first process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)

    def kill_daemon(self) -> None:
        """Kill the daemon's process alone."""
        log = self.settings.home / "logs" / "daemon.log"
        (daemon,) = [
            one
            for one in self.processes()
            if Path(f"/proc/{one.pid}/fd/1").exists() and Path(f"/proc/{one.pid}/fd/1").resolve() == log.resolve()
        ]
        daemon.kill()

    def kill(self) -> None:
        """Kill everything but the database server, as a machine that runs out of memory would."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self._process is not None
        self._process.wait(30)

    def processes(self) -> list[psutil.Process]:
        """Its processes that live, the first one first."""
        if not self.is_up():
            return []
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        return []

    # --- what can be seen of it

    def memory(self) -> float:
        """Proportional set size of its processes in MiB, the database server beside."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss / 2**20
        return total

    @contextlib.contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's storage."""
        with open_instance(self.settings) as instance:
            yield instance

    def runs(self, since: datetime | None = None) -> list[dg.DagsterRun]:
        """Runs, the newest first."""
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(created_after=since and since.astimezone(UTC))))

    def in_progress(self) -> list[dg.DagsterRun]:
        """Runs that are queued or in progress."""
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=list(_IN_PROGRESS))))

    def unsettled(self, since: datetime, absent: Sequence[str] = ()) -> str | None:
        """What is still to be done; None if all that the vendors have has landed and all models are up to date.

        Args:
            since: every vendor must have been read after this moment.
            absent: vendors that cannot be read.
        """
        runs = self.runs(since)
        loaded = {run.tags.get(SOURCE_TAG) for run in runs if run.status is dg.DagsterRunStatus.SUCCESS}
        for vendor in VENDORS:
            if vendor not in loaded and vendor not in absent:
                return f"{SOURCES[vendor].title} has not been loaded"
        with self.instance() as instance:
            for source, find in (("claude_code", transcripts), ("reference", reference_files)):
                state = fingerprint(find(self.settings))
                found = instance.get_runs(dg.RunsFilter(tags={SOURCE_TAG: source, FILES_TAG: state}))
                if not any(run.status is dg.DagsterRunStatus.SUCCESS for run in found) and source not in absent:
                    return f"{SOURCES[source].title} have not been loaded"
        warehouse = open_warehouse(self.settings)
        project = DbtProject(prepare_manifest(self.settings.home, database_name(self.settings)), self.settings)
        build = project.build([], dbt_environment(warehouse), _StateAt(warehouse, moment=self._clock.now()))
        return None if build.has_nothing_to_do() else "models are stale"

    def database_bytes(self) -> int:
        """Size of the warehouse."""
        with open_warehouse(self.settings).connect("owner") as connection:
            row = connection.execute("select pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0

    def stop_database(self) -> None:
        """End the embedded server."""
        embedded_server(self.settings).stop()


@dataclass(frozen=True)
class _StateAt(BuildState):
    """What is stale at a moment of the moved clock, which this process does not follow."""

    moment: datetime | None = None

    def read(self, moment: date | datetime | None = None) -> tuple[dict[str, LastBuild], Catalog]:
        """Return the last builds and the state of the warehouse at its own moment."""
        return super().read(self.moment or moment)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.lstat().st_size
    return total


def free_port() -> int:
    """A port of 127.0.0.1 that nothing uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(what: Any, seconds: float, expected: str) -> Any:
    """Wait for something.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Within {seconds:.0f} s it was not so that {expected}.")
        time.sleep(0.5)
    return found
