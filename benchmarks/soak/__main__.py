"""A week unattended, in time-lapse: `workledger ui` with its daemon, schedules and sensors on a made-up agency.

    python -m benchmarks.soak [--days 7]     (make soak)

The clock of all processes is moved from evening to evening, whenever nothing is in progress any more, through a month's
end and the end of daylight-saving time. On the way vendors fail and are away, people correct and delete, a reference
file is broken, the daemon and the whole service are killed, and the disk is full. At the end every mart is compared
with a build of everything, and with a warehouse that is loaded anew from what the vendors then have. Prints a table of
what happened, and how large it all is; exits with 1 if a mart differs, something does not settle or grows beyond its
bound, or an alert is not over. Needs Linux, a C compiler and, for the full disk, the right to mount.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.soak.agency import VENDORS, Alerts, Disk, Machine, Vendors, size
from benchmarks.soak.clock import Clock
from benchmarks.soak.comparison import contents, differences, forget_builds, living
from benchmarks.soak.story import Story
from orchestration.errors import WorkledgerError
from orchestration.graph.schedules import SOURCE_TAG
from sandbox.generate import generate

ZONE: Final = ZoneInfo("America/New_York")
MIDDLE: Final = date(2026, 11, 1)
"""A Sunday on which daylight-saving time ends, and on whose eve a month does. The days are some before and after it."""
# Late enough for the last load of the bank, at 01:20 UTC.
_EVENING: Final = 22
_DISK_MEBIBYTES: Final = 3000
# The automation looks every 20 s; what nothing follows for longer than that needs the clock's help.
_IDLE_SECONDS: Final = 45.0
_SETTLES_WITHIN_SECONDS: Final = 600.0
# In the evening, when nothing is in progress.
_MOST_IDLE_MEBIBYTES: Final = 1024
# 200 runs of 2 MB, and the ticks.
_MOST_HISTORY_MEBIBYTES: Final = 500
_MOST_DISK_MEBIBYTES: Final = 1500
_TROUBLE: Final = (dg.DagsterError, SQLAlchemyError, WorkledgerError, OSError, RuntimeError, ValueError, psycopg.Error)
_FAULTS: Final = (
    {"kind": "status", "status": 429, "retry_after": 1, "times": 2},
    {"kind": "status", "status": 500, "nth": 4},
    {"kind": "html", "nth": 6},
    {"kind": "truncate", "nth": 8},
    {"kind": "disconnect", "nth": 9},
)


@dataclass
class Day:
    """A row of the table."""

    name: str
    happened: list[str] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    memory: float = 0.0
    idle: float = 0.0
    disk: float = 0.0
    history: float = 0.0
    stored_runs: int = 0


class Week:
    """The days that have passed, and the means to let another one pass."""

    def __init__(
        self, clock: Clock, vendors: Vendors, machine: Machine, story: Story, disk: Disk, alerts: Alerts
    ) -> None:
        """Take the parts."""
        self.clock = clock
        self.vendors = vendors
        self.machine = machine
        self.story = story
        self.disk = disk
        self.alerts = alerts
        self.day = MIDDLE
        self.days: list[Day] = []
        self.unsettled: list[str] = []

    @property
    def beyond(self) -> list[str]:
        """What has grown beyond its bound."""
        return [
            f"{day.name}: {what} {value:.0f} MiB"
            for day in self.days
            for what, value, most in (
                ("memory", day.idle, _MOST_IDLE_MEBIBYTES),
                ("runs' storage", day.history, _MOST_HISTORY_MEBIBYTES),
                ("disk", day.disk, _MOST_DISK_MEBIBYTES),
            )
            if value > most
        ]

    @property
    def today(self) -> Day:
        """The row of the day that passes."""
        return self.days[-1]

    def notes(self, what: str) -> None:
        """Note what happened, and show it."""
        self.today.happened.append(what)
        print(f"{self.clock.now().astimezone(ZONE):%a %b %d %H:%M}  {what}", flush=True)

    def moves_to(self, moment: datetime) -> None:
        """Set the clock once nothing is in progress, and start what has died, as systemd would have by then."""
        self.waits(lambda: not self.machine.in_progress(), _SETTLES_WITHIN_SECONDS)
        self.clock.set(moment)
        # What does not start now does so later, or the day does not settle.
        with contextlib.suppress(*_TROUBLE):
            self.machine.start()

    def passes(self, day: date, events: Sequence[Callable[[Week], None]]) -> None:
        """Let a day pass until its evening."""
        began = time.monotonic()
        self.day = day
        self.days.append(Day(f"{day:%a %b %d}"))
        opened = self.clock.now()
        for event in events:
            try:
                event(self)
            except _TROUBLE as error:
                # The week goes on; what it comes to is seen in the evening.
                self.unsettled.append(f"{self.today.name}: {error}")
                self.notes(f"this did not go as planned: {error}")
        evening = _at(self, _EVENING)
        self.notes(self.story.tell(evening, self.vendors.mutate))
        if day.weekday() < 5:
            self.notes(self.story.edit(self.vendors.mutate))
        self.moves_to(evening)
        self.settles(evening)
        self.today.seconds = time.monotonic() - began
        self.today.runs = Counter(
            f"{'build' if SOURCE_TAG not in run.tags else 'load'} {run.status.value.lower()}"
            for run in self.machine.runs(opened)
        )
        self.today.idle = self.machine.memory()
        self.today.disk = self.disk.used / 2**20
        self.today.history = size(self.machine.settings.home / "dagster") / 2**20
        self.today.stored_runs = len(self.machine.runs())
        self.vendors.forget_requests()

    def settles(self, since: datetime) -> None:
        """Wait until everything has landed and is built; where nothing goes on by itself, half an hour passes."""
        deadline = time.monotonic() + _SETTLES_WITHIN_SECONDS
        idle_since, looked = time.monotonic(), 0.0
        lacking: str | None = ""
        while time.monotonic() < deadline:
            time.sleep(2)
            try:
                self.today.memory = max(self.today.memory, self.machine.memory())
                self.machine.start()
                if self.machine.in_progress():
                    idle_since = time.monotonic()
                    continue
                idle = time.monotonic() - idle_since
                if idle > 6 and time.monotonic() - looked > 10:
                    lacking = self.machine.unsettled(since)
                    looked = time.monotonic()
                    if lacking is None:
                        return
                if idle > _IDLE_SECONDS:
                    self.notes(f"half an hour passes: {lacking}")
                    self.moves_to(self.clock.now() + timedelta(minutes=30))
                    idle_since = time.monotonic()
            except _TROUBLE as error:
                lacking = str(error)
        self.unsettled.append(f"{self.today.name}: {lacking or 'runs are still in progress'}")
        self.notes(f"not settled: {self.unsettled[-1]}")

    def waits(self, what: Callable[[], bool], seconds: float) -> bool:
        """Wait while the day goes on; return whether it came."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.today.memory = max(self.today.memory, self.machine.memory())
            try:
                if what():
                    return True
            except _TROUBLE:
                # Its storage may be on a full disk.
                pass
            time.sleep(0.3)
        return False


# --- what happens on a day, before its evening --------------------------------------------------------------------


def faults(week: Week) -> None:
    """Every vendor answers badly now and then."""
    week.vendors.fail([{**fault, "vendor": vendor} for vendor in VENDORS for fault in _FAULTS])
    week.notes("every vendor fails now and then: too many requests, errors, pages of HTML, cut answers")


def outage(week: Week) -> None:
    """Clockify and Tempo are down for two hours in the afternoon; the daemon is killed meanwhile."""
    began = _at(week, 14)
    week.vendors.fail([{"kind": "status", "status": 503, "times": 0, "vendor": one} for one in ("clockify", "tempo")])
    week.notes("Clockify and Tempo are down for two hours")
    week.moves_to(began)
    week.waits(lambda: bool(week.machine.in_progress()), 60)
    week.machine.kill_daemon()
    week.notes("the daemon is killed while loads are in progress")
    failed = week.waits(lambda: {"clockify", "tempo"} <= _failed(week, began), 300)
    week.notes(f"{week.vendors.mend()} requests failed; loads of both {'failed' if failed else 'still try'}")
    week.moves_to(began + timedelta(hours=2))


def broken_file(week: Week) -> None:
    """A reference file is broken, and mended when people have been told."""
    file = week.vendors.dataset / "reference" / "clients.csv"
    sound = file.read_text()
    file.write_text(sound.replace(",active", ",asleep", 1))
    week.notes("clients.csv has a status that does not exist")
    week.moves_to(_at(week, 17))
    week.waits(lambda: any("clients.csv" in one for one in week.alerts.broken), 240)
    file.write_text(sound)
    week.notes("clients.csv is mended")


def power_cut(week: Week) -> None:
    """An entry spans the hour that comes twice; everything is killed while a build is in progress."""
    night = _at(week, 0) + timedelta(minutes=30)
    week.story.enter(night, night.astimezone(UTC) + timedelta(hours=3), week.vendors.mutate)
    week.notes("a night shift of three hours ends at 02:30 by the wall's clock")
    week.moves_to(_at(week, 9))
    week.waits(lambda: any(SOURCE_TAG not in run.tags for run in week.machine.in_progress()), 240)
    week.machine.kill()
    week.machine.start()
    week.notes("everything is killed while a build is in progress, and started again")


def full_disk(week: Week) -> None:
    """The disk of the home is full for an hour."""
    if not week.disk.is_mounted:
        week.notes("no full disk: nothing may be mounted here")
        return
    began = _at(week, 11)
    week.notes(week.story.tell(began, week.vendors.mutate))
    week.moves_to(began - timedelta(minutes=5))
    week.disk.fill()
    week.notes("the disk is full")
    week.clock.set(began)
    week.waits(lambda: not week.machine.is_up(), 60)
    week.notes(f"the service {'runs on' if week.machine.is_up() else 'has ended'}; the disk is free again")
    week.disk.free()
    week.moves_to(began + timedelta(hours=1))


def vendors_away(week: Week) -> None:
    """No vendor can be reached for an hour."""
    began = _at(week, 15)
    week.vendors.stop()
    week.notes("no vendor can be reached for an hour")
    week.moves_to(began)
    failed = week.waits(lambda: {*VENDORS} - {"plaid"} <= _failed(week, began), 300)
    week.notes(f"loads {'of all have failed' if failed else 'still try'}")
    week.vendors.start()
    week.moves_to(began + timedelta(hours=1))


EVENTS: Final[Sequence[Sequence[Callable[[Week], None]]]] = (
    (),
    (faults,),
    (outage,),
    (broken_file,),
    (power_cut,),
    (full_disk,),
    (vendors_away,),
)


def main() -> None:
    """Let the days pass, compare, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=7, choices=range(2, 8), help="what happens is spread over them")
    days = parser.parse_args().days
    # So that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("It was asked to end."))
    with tempfile.TemporaryDirectory(prefix="workledger-soak-") as temporary:
        folder = Path(temporary)
        # If root starts the server, it runs as another user, who needs access to the folder.
        folder.chmod(0o711)
        first = MIDDLE - timedelta(days=(days + 1) // 2)
        begins = datetime(first.year, first.month, first.day, _EVENING, tzinfo=ZONE) - timedelta(days=1)
        last = first + timedelta(days=days)
        ends = datetime(last.year, last.month, last.day, tzinfo=UTC)
        began = time.monotonic()
        generate(folder / "dataset", scale=0.1, as_of=last, months=2)
        story = Story(folder / "dataset", begins, ends)
        clock = Clock(folder)
        clock.set(begins)
        disk = Disk(folder / "disk", _DISK_MEBIBYTES)
        alerts = Alerts()
        vendors = Vendors(folder / "dataset", clock, folder)
        machine = Machine(disk.place / "home", clock, vendors, alerts, folder)
        other = Machine(folder / "other", clock, vendors, None, folder)
        week = Week(clock, vendors, machine, story, disk, alerts)
        try:
            machine.run()
            print(f"loaded and built once after {time.monotonic() - began:.0f} s", flush=True)
            machine.start()
            for number in range(days):
                shares = (one for place, one in enumerate(EVENTS) if place * days // len(EVENTS) == number)
                week.passes(first + timedelta(days=number), [event for share in shares for event in share])
            over = week.waits(lambda: len(alerts.over) >= len(alerts.broken), 150)
            machine.stop()
            _print(week, machine.starts)
            # Some columns follow the moment, so all three are built as of one.
            moment = clock.now()
            machine.run(moment)
            passed = contents(machine)
            forget_builds(machine)
            machine.run(moment)
            incremental = differences(passed, contents(machine))
            other.run(moment)
            anew = differences(living(machine), living(other))
            print("marts that differ from a build of everything:", *(incremental or ["none"]), sep="\n  ")
            print("marts that differ from a warehouse that is loaded anew:", *(anew or ["none"]), sep="\n  ")
            print(f"days that did not settle: {week.unsettled or 'none'}")
            print(f"beyond its bound: {week.beyond or 'none'}")
            print(f"alerts: {len(alerts.broken)} broken, {len(alerts.over)} over")
            print(f"{time.monotonic() - began:.0f} s")
        except BaseException:
            for log in ("ui.log", "vendors.log"):
                print(f"--- {log}\n{(folder / log).read_text()[-6000:]}", file=sys.stderr)
            raise
        finally:
            machine.stop()
            vendors.stop()
            machine.stop_database()
            other.stop_database()
            disk.unmount()
    sys.exit(bool(incremental or anew or week.unsettled or week.beyond or not over))


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _at(week: Week, hour: int) -> datetime:
    """An hour of the day that passes, by the agency's clock."""
    return datetime(week.day.year, week.day.month, week.day.day, hour, tzinfo=ZONE)


def _failed(week: Week, since: datetime) -> set[str]:
    return {
        run.tags[SOURCE_TAG]
        for run in week.machine.runs(since)
        if run.status is dg.DagsterRunStatus.FAILURE and SOURCE_TAG in run.tags
    }


def _print(week: Week, starts: int) -> None:
    print()
    print("| day | what happened | runs | took | memory, most and in the evening | disk | runs' storage |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for day in week.days:
        cells = (
            day.name,
            "; ".join(day.happened),
            ", ".join(f"{count} × {kind}" for kind, count in sorted(day.runs.items())),
            f"{day.seconds:.0f} s",
            f"{day.memory:.0f}, {day.idle:.0f} MiB",
            f"{day.disk:.0f} MiB",
            f"{day.history:.0f} MiB, {day.stored_runs} runs",
        )
        print("|", " | ".join(cells), "|")
    print()
    for title, sentences in (("broken", week.alerts.broken), ("over", week.alerts.over)):
        for sentence in sentences:
            print(f"{title}: {sentence}")
    print(f"`workledger ui` was started {starts} times", flush=True)


if __name__ == "__main__":
    main()
