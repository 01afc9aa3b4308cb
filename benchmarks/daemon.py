"""`workledger ui` as it is and works: from a transcript's growth to `marts.session_activity`, memory and storage.

    python -m benchmarks.daemon [--mebibytes 16] [--rounds 5] [--idle-seconds 60]

A home of its own is loaded once, then the UI is started with its schedules and sensors; a few lines are appended to one
transcript, and `marts.session_activity` is asked twice a second until it has them. Targets: at most 60 s each time on a
quiet machine, and at most 1 GiB idle (the proportional set size of every process, the database server beside). The
yardstick in the same run is `workledger run` on the same growth.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.transcripts import make_transcripts
from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from orchestration.warehouse.opening import DATABASE

_LONGEST_SECONDS = 600.0


def main() -> None:
    """Measure growth by the UI's daemon and by `workledger run`, then memory and storage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-seconds", type=float, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        environment = _prepare(folder, arguments.mebibytes * 2**20)
        server = EmbeddedServer(folder / "home" / "postgres")
        try:
            _measure(folder, environment, server, arguments.rounds, arguments.idle_seconds)
        finally:
            server.stop()


def _prepare(folder: Path, size: int) -> dict[str, str]:
    reference = folder / "reference"
    reference.mkdir()
    (reference / "session_roots.csv").write_text(f"path,email,host\n{folder / 'transcripts'},ann@example.com,bench\n")
    make_transcripts(folder / "transcripts", size)
    return {**os.environ, "WORKLEDGER_HOME": str(folder / "home"), "REFERENCE_DIR": str(reference)}


def _measure(folder: Path, environment: dict[str, str], server: EmbeddedServer, rounds: int, idle: float) -> None:
    print(f"first run: {_run(environment):.1f} s; again with nothing new: {_run(environment):.1f} s")
    _grow(folder, 0)
    print(f"the same growth by `workledger run`: {_run(environment):.1f} s (yardstick)")
    warehouse = server.open(DATABASE, query_timeout_seconds=5)
    with _ui(environment) as process:
        time.sleep(idle)
        _print_memory("idle", process)
        seconds = []
        for number in range(rounds):
            before = _activity(warehouse)
            _grow(folder, number + 1)
            began = time.monotonic()
            peak = 0.0
            while _activity(warehouse) == before:
                if time.monotonic() - began > _LONGEST_SECONDS:
                    raise SystemExit(f"nothing arrived within {_LONGEST_SECONDS:.0f} s; see {folder / 'home' / 'logs'}")
                peak = max(peak, _memory(process)[0])
                time.sleep(0.5)
            seconds.append(time.monotonic() - began)
            load = os.getloadavg()[0]
            print(
                f"growth {number + 1}: in marts.session_activity after {seconds[-1]:.1f} s; "
                f"at most {peak:.0f} MiB; load of the machine {load:.1f}"
            )
        print(f"from growth to session_activity: median {median(seconds):.1f} s, most {max(seconds):.1f} s")
        time.sleep(idle)
        _print_memory("idle again", process)
        size = sum(one.stat().st_size for one in (folder / "home" / "dagster").rglob("*") if one.is_file())
        print(f"storage of runs, events and ticks: {size / 1e6:.1f} MB")


def _run(environment: dict[str, str]) -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "orchestration", "run"]
    subprocess.run(command, cwd=PROJECT_FOLDER, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


@contextmanager
def _ui(environment: dict[str, str]) -> Iterator[psutil.Process]:
    began = time.monotonic()
    command = [sys.executable, "-m", "orchestration", "ui", "--port", "3900"]
    with subprocess.Popen(command, cwd=PROJECT_FOLDER, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "http://" in line:
                    break
            print(f"`workledger ui` is up after {time.monotonic() - began:.1f} s")
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def _grow(folder: Path, number: int) -> None:
    """Append one exchange, with ids of its own, to one transcript."""
    grown = sorted((folder / "transcripts").rglob("*.jsonl"))[0]
    lines = grown.read_bytes().splitlines(keepends=True)
    new = b"".join(lines[:60]).replace(b"msg_01", b"msg_%02d" % (number + 2))
    new = new.replace(b"-4000-9000-", b"-4%03d-9000-" % (number + 1))
    with grown.open("ab") as file:
        file.write(new)


def _activity(warehouse: Warehouse) -> Any:
    with warehouse.connect("analyst") as connection:
        return connection.execute("select sum(output_tokens), count(*) from marts.session_activity").fetchone()


def _memory(process: psutil.Process) -> tuple[float, int]:
    """Proportional set size in MiB of a process and its children, and how many they are."""
    total, count = 0.0, 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss / 2**20
            count += 1
        except psutil.Error:
            continue
    return total, count


def _print_memory(when: str, process: psutil.Process) -> None:
    total, count = _memory(process)
    print(f"{when}: {total:.0f} MiB in {count} processes")


if __name__ == "__main__":
    main()
