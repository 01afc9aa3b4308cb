"""The sandbox as a detached server: generated once, served while needed, stopped."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from orchestration.errors import SandboxError
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.clickhouse import clickhouse_guard
from sources.catalog import SOURCES

_START_SECONDS: Final = 60.0
_READ_SECONDS: Final = 300.0
CANNOT_LACK: Final = {"clockify": "workspaces", "jira": "users"}
"""What a vendor always has, if only the reader's own: without it a source has nothing to read."""


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers: where, and from which dataset folder."""

    url: str
    mail_url: str
    """Of its SMTP server."""
    folder: Path

    @property
    def source_settings(self) -> dict[str, dict[str, str]]:
        """What a source needs to read this sandbox instead of the vendor, by source and dlt's name below it."""
        handed = {
            source: {name: text.format(url=self.url) for name, text in spec.sandbox_settings.items()}
            for source, spec in SOURCES.items()
            if spec.sandbox_settings
        }
        handed["plaid"]["access_tokens"] = ",".join(_access_tokens(self.folder / "plaid" / "items.jsonl"))
        return handed

    @property
    def absent(self) -> list[str]:
        """The sources of which the dataset has so little that nothing can be read."""
        return [
            source
            for source, collection in CANNOT_LACK.items()
            if not _has_lines(self.folder / source / f"{collection}.jsonl")
        ]


def _has_lines(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return any(line.strip() for line in lines)
    except OSError:
        return False


def _access_tokens(items: Path) -> list[str]:
    """Return the token of every Item of the dataset, as `sandbox.vendors.plaid` gives them out."""
    if not items.exists():
        return []
    try:
        rows = [json.loads(line) for line in items.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [row.get("_sandbox", {}).get("owner") or f"access-sandbox-{row['item_id']}" for row in rows]
    except (OSError, ValueError, KeyError) as error:
        raise SandboxError(
            f"{items} cannot be read ({error}); every line of it must be a JSON object with an item_id."
        ) from error


def dataset_folder(settings: Settings) -> Path:
    """Return the dataset folder that the sandbox serves: SANDBOX_DIR, else the generated one in the home."""
    return (settings.sandbox_dir or _Place(settings.home / "sandbox").dataset).resolve()


def ensure_sandbox(settings: Settings, notify: Callable[[str], None]) -> RunningSandbox:
    """Generate the sandbox's dataset if there is none, and serve it in a process that outlives this one.

    Safe to call from several processes at once; a generation that was killed starts again.

    Args:
        settings: `sandbox_dir` serves that folder instead of a generated one.
        notify: receives one sentence before anything that takes long.

    Raises:
        SandboxError: the dataset cannot be generated, read or served.
    """
    place = _Place(settings.home / "sandbox")
    with place.locked() as lock:
        folder = dataset_folder(settings)
        if settings.sandbox_dir is None and not folder.exists():
            _generate(place, settings, notify, lock)
        running = place.running()
        if running is None or running.folder != folder:
            place.stop()
            running = place.serve(folder)
        _refuse_unreadable_lines(running)
        return running


def _refuse_unreadable_lines(sandbox: RunningSandbox) -> None:
    """Raise `SandboxError` with file and line of what the sandbox cannot read.

    Asked for by a source, it would be reported as a fault of the vendor, after several tries.
    """
    try:
        question = f"{sandbox.url}/_sandbox/dataset"
        with urllib.request.urlopen(question, timeout=_READ_SECONDS):  # noqa: S310 - our own address
            return
    except urllib.error.HTTPError as answer:
        # A server of an earlier version does not know the question.
        if problem := json.loads(answer.read()).get("sandbox_error"):
            raise SandboxError(problem) from None


def ensure_mirror(settings: Settings, folder: Path, notify: Callable[[str], None]) -> str:
    """Fill the embedded ClickHouse with the mirror tables of a dataset; nothing is done where they are as they were.

    Args:
        settings: the home holds the engine.
        folder: the dataset folder.
        notify: receives one sentence before anything that takes long.

    Returns:
        The engine's DSN; empty where the dataset has no mirror.

    Raises:
        SandboxError: a file of the mirror cannot be read.
        ClickHouseError: another process holds the engine.
    """
    files = sorted((folder / "clickhouse").glob("*.jsonl"))
    stamp = settings.home / "sandbox" / "mirror.json"
    if not files and not stamp.exists():
        return ""
    dsn = f"chdb://{settings.home / 'clickhouse'}"
    signature = json.dumps([[str(file), file.stat().st_mtime_ns, file.stat().st_size] for file in files])
    if stamp.exists() and stamp.read_text() == signature:
        return dsn
    notify(f"Filling the embedded ClickHouse with the mirror of {folder} …")
    stamp.unlink(missing_ok=True)
    with clickhouse_guard(dsn):
        command = sandbox_command(["mirror", str(folder), dsn])
        done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True)
    if done.returncode != 0:
        raise SandboxError(
            f"The mirror in {folder / 'clickhouse'} cannot be read: "
            f"{_last_line(done.stderr).rstrip('.') or 'no reason given'}."
        )
    stamp.write_text(signature)
    return dsn


def stop_sandbox(settings: Settings) -> bool:
    """Stop the sandbox's server; return whether it ran."""
    place = _Place(settings.home / "sandbox")
    if not place.folder.exists():
        return False
    with place.locked():
        return place.stop()


def sandbox_command(arguments: list[str]) -> list[str]:
    """Compose the command that runs the sandbox's own command line."""
    return [sys.executable, "-m", "sandbox", *arguments]


@dataclass(frozen=True)
class _Place:
    """The sandbox's folder in the home: `dataset`, `ready.json`, `port`, `server.log`, `lock`, `alive`.

    The server's process holds `alive` locked for as long as it lives, whatever `ready.json` says.
    """

    folder: Path

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / "lock").open("a")
        except OSError as error:
            raise SandboxError(
                f"The sandbox's folder {self.folder} cannot be written ({error.strerror}); "
                "fix its permissions or set WORKLEDGER_HOME to a folder of your own."
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle.fileno()

    def running(self) -> RunningSandbox | None:
        """Return the server that answers, if one does."""
        if not self._is_alive():
            return None
        try:
            ready = json.loads((self.folder / "ready.json").read_text())
            with urllib.request.urlopen(f"{ready['url']}/_sandbox/health", timeout=5):  # noqa: S310 - our own address
                return RunningSandbox(ready["url"], ready["mail_url"], Path(ready["folder"]))
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return None

    def serve(self, folder: Path) -> RunningSandbox:
        log, ready = self.folder / "server.log", self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = sandbox_command(["serve", str(folder), "--port", str(self._port()), "--ready-file", str(ready)])
        with log.open("wb") as output, (self.folder / "alive").open("a") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX)
            process = subprocess.Popen(
                command,
                cwd=PROJECT_FOLDER,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[alive.fileno()],
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if ready.exists() and (running := self.running()) is not None:
                (self.folder / "port").write_text(str(urlsplit(running.url).port))
                return running
            time.sleep(0.02)
        reason = _last_line(log.read_text(errors="replace")) or f"no answer after {_START_SECONDS:.0f} s"
        raise SandboxError(f"The sandbox does not start on {folder}: {reason.rstrip('.')}; see {log}.")

    def _port(self) -> int:
        """The port of the last time if it is free, else 0: records hold links that a new port would change."""
        try:
            port = int((self.folder / "port").read_text())
            with socket.socket() as probe:
                # As the server itself will: connections that linger from the last time do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except (OSError, ValueError, OverflowError):
            return 0
        return port

    def stop(self) -> bool:
        if not self._is_alive():
            return False
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(sign)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                if not self._is_alive():
                    return True
                time.sleep(0.02)
        raise SandboxError(
            f"The sandbox's process does not end; end by hand the process that holds {self.folder / 'alive'}."
        )

    def _processes(self) -> Iterator[psutil.Process]:
        """Find the server by its command line, which names this folder's ready file; a stored number may be stale."""
        ready = str(self.folder / "ready.json")
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and ready in process.cmdline():
                    yield process

    def _is_alive(self) -> bool:
        with (self.folder / "alive").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _generate(place: _Place, settings: Settings, notify: Callable[[str], None], lock: int) -> None:
    """Generate beside the dataset's place and move it there when it is whole."""
    moment: Any = settings.as_of or datetime.now(UTC)
    day = moment.date() if isinstance(moment, datetime) else moment
    notify(f"Generating a made-up agency as of {day} in {place.dataset} …")
    unfinished = place.folder / "dataset.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    # The generator is given the clock, so that the same day gives the same agency.
    command = sandbox_command(["generate", str(unfinished), "--as-of", day.isoformat()])
    # The generator outlives a parent that is killed: it keeps the lock, so that no other writes beside it.
    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, pass_fds=[lock])
    if done.returncode != 0:
        raise SandboxError(
            f"The sandbox's dataset cannot be generated in {place.folder}: "
            f"{_last_line(done.stderr).rstrip('.') or 'no reason given'}."
        )
    unfinished.rename(place.dataset)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
