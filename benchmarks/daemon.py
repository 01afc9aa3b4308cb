"""`workledger ui` as it is and works: how fresh tables are while the daemon runs, memory and storage.

    python -m benchmarks.daemon [--mebibytes 16] [--rounds 5] [--idle-seconds 60]

A made-up agency is loaded once, then the UI is started with its schedules and sensors. A few lines are appended to one
transcript, and `marts.session_activity` is asked twice a second until it has them; the target is at most 60 s, in the
median 45 s. Then somebody corrects a worklog in Tempo, and the lines of the bills are asked until they have it; the
target is at most 60 s after the schedule's next tick, for which the clock is set to shortly before it. Both are targets
of a quiet machine. Idle, the UI is to take at most 1 GiB (the proportional set size of every process, the database
server beside). The yardstick in the same run is `workledger run` on the same growth.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final, LiteralString

from dagster._utils.schedules import cron_string_iterator

from benchmarks.soak.agency import Machine, Vendors, size
from benchmarks.soak.clock import Clock
from benchmarks.transcripts import make_transcripts
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.opening import open_warehouse
from sandbox.generate import generate
from sources.catalog import SOURCES

_LONGEST_SECONDS: Final = 600.0
_BEFORE_THE_TICK: Final = timedelta(seconds=20)
_ACTIVITY: Final[LiteralString] = "select sum(output_tokens), count(*) from marts.session_activity"
_BILLS: Final[LiteralString] = "select sum(raw_seconds), count(*) from marts.invoice_prefill_line_entries"


def main() -> None:
    """Measure growth by the UI's daemon and by `workledger run`, corrections in Tempo, then memory and storage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-seconds", type=float, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workledger-benchmark-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        dataset, transcripts = folder / "dataset", folder / "transcripts"
        generate(dataset, scale=0.1, as_of=datetime.now(UTC).date(), months=2)
        roots = dataset / "reference" / "session_roots.csv"
        header, own, *_ = roots.read_text().splitlines()
        roots.write_text(f"{header}\n{transcripts},{own.split(',')[1]},bench\n")
        make_transcripts(transcripts, arguments.mebibytes * 2**20)
        clock = Clock(folder)
        vendors = Vendors(dataset, clock, folder)
        machine = Machine(folder / "home", clock, vendors, None, folder)
        try:
            _measure(machine, vendors, transcripts, clock, arguments.rounds, arguments.idle_seconds)
        finally:
            machine.stop()
            vendors.stop()
            machine.stop_database()


def _measure(
    machine: Machine, vendors: Vendors, transcripts: Path, clock: Clock, rounds: int, idle_seconds: float
) -> None:
    print(f"first run: {_timed(machine.run):.1f} s; again with nothing new: {_timed(machine.run):.1f} s")
    _grow(transcripts, 0)
    print(f"the same growth by `workledger run`: {_timed(machine.run):.1f} s (yardstick)")
    warehouse = open_warehouse(machine.settings)
    print(f"`workledger ui` is up after {_timed(machine.start):.1f} s", flush=True)
    time.sleep(idle_seconds)
    _print_memory("idle", machine)

    def grows(number: int) -> float:
        _grow(transcripts, number + 1)
        return 0.0

    def is_corrected(_: int) -> float:
        ticks = cron_string_iterator(clock.now().timestamp(), SOURCES["tempo"].cron, "UTC")
        tick = next(one for one in ticks if one > clock.now() + _BEFORE_THE_TICK)
        clock.set(tick - _BEFORE_THE_TICK)
        _correct(warehouse, vendors)
        return (tick - clock.now()).total_seconds()

    _print_freshness(
        "from a transcript's growth to marts.session_activity", machine, warehouse, _ACTIVITY, grows, rounds
    )
    _print_freshness("from Tempo's schedule to the bills' lines", machine, warehouse, _BILLS, is_corrected, rounds)
    time.sleep(idle_seconds)
    _print_memory("idle again", machine)
    print(f"storage of runs, events and ticks: {size(machine.settings.home / 'dagster') / 1e6:.1f} MB")


def _print_freshness(
    what: str,
    machine: Machine,
    warehouse: Warehouse,
    query: LiteralString,
    changes: Callable[[int], float],
    rounds: int,
) -> None:
    """Change something, several times, and wait until a mart has it; what `changes` returns does not count."""
    seconds = []
    for number in range(rounds):
        _await_quiet(machine)
        before = _ask(warehouse, query)
        not_counted = changes(number)
        began, peak = time.monotonic(), 0.0
        while _ask(warehouse, query) == before:
            if time.monotonic() - began > _LONGEST_SECONDS:
                raise SystemExit(f"{what}: nothing arrived; see {machine.settings.home / 'logs'}")
            peak = max(peak, machine.memory())
            time.sleep(0.5)
        seconds.append(time.monotonic() - began - not_counted)
        load = os.getloadavg()[0]
        print(f"{what}: {seconds[-1]:.1f} s; at most {peak:.0f} MiB; load of the machine {load:.1f}", flush=True)
    print(f"{what}: median {median(seconds):.1f} s, most {max(seconds):.1f} s", flush=True)


def _await_quiet(machine: Machine) -> None:
    """Wait until what came before has ended."""
    quiet = 0
    while quiet < 3:
        quiet = 0 if machine.in_progress() else quiet + 1
        time.sleep(0.5)


def _timed(what: Callable[[], None]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def _grow(transcripts: Path, number: int) -> None:
    """Append one exchange, with ids of its own, to one transcript."""
    grown = sorted(transcripts.rglob("*.jsonl"))[0]
    lines = grown.read_bytes().splitlines(keepends=True)
    new = b"".join(lines[:60]).replace(b"msg_01", b"msg_%02d" % (number + 2))
    new = new.replace(b"-4000-9000-", b"-4%03d-9000-" % (number + 1))
    with grown.open("ab") as file:
        file.write(new)


def _correct(warehouse: Warehouse, vendors: Vendors) -> None:
    """Add a quarter of an hour to a worklog that is billed."""
    with warehouse.connect("analyst") as connection:
        row = connection.execute(
            "select entries.tempo_worklog_id, entries.seconds from marts.time_entries as entries"
            " inner join marts.invoice_prefill_line_entries as billed on entries.id = billed.time_entry_id"
            " where entries.tempo_worklog_id is not null order by entries.local_date desc, entries.id limit 1"
        ).fetchone()
    assert row is not None, "the made-up agency bills worklogs"
    worklog, seconds = str(row[0]), int(row[1]) + 900
    update = {worklog: {"timeSpentSeconds": seconds, "billableSeconds": seconds}}
    vendors.mutate({"vendor": "tempo", "collection": "worklogs", "update": update})


def _ask(warehouse: Warehouse, query: LiteralString) -> Any:
    with warehouse.connect("analyst") as connection:
        return connection.execute(query).fetchone()


def _print_memory(when: str, machine: Machine) -> None:
    total, count = machine.memory(), len(machine.processes())
    print(f"{when}: {total:.0f} MiB in {count} processes", flush=True)


if __name__ == "__main__":
    main()
