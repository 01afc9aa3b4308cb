"""What a person sees of a run: its progress line by line, then a summary; what libraries print goes to a file."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.status import Status

from assets.progress import LandedTable
from orchestration.commands.summary import RunSummary
from sources.catalog import SOURCES
from sources.kit.visible import visible

_SECONDS_BETWEEN_LINES: Final = 5.0


class TerminalListener:
    """Shows a run while it runs: a line per source, and one that counts while dbt builds."""

    def __init__(self, console: Console) -> None:
        """Take the console to print to."""
        self._console = console
        self._status: Status | None = None
        self._began = time.monotonic()
        self._last_line = 0.0
        self._what = ""

    def says(self, sentence: str) -> None:
        """Print a sentence about a preparation."""
        self._line(f"→ {sentence}")

    def begins(self, what: str) -> None:
        """Show what is in progress."""
        self.ends()
        self._began = self._last_line = time.monotonic()
        self._what = what
        if self._console.is_terminal:
            self._status = self._console.status(f"{what} …")
            self._status.start()
        else:
            self._line(f"→ {what} …")

    def landed(self, title: str, tables: Mapping[str, LandedTable]) -> None:
        """Print what a source's load wrote."""
        written, read = (sum(getattr(one, name) for one in tables.values()) for name in ("written", "read"))
        self._done(f"{title}: {written:,} rows new or changed, of {read:,} read" if read else f"{title}: nothing new")

    def skipped(self, sentence: str) -> None:
        """Print why a source is skipped."""
        self._done(sentence)

    def failed(self, sentence: str) -> None:
        """Print what failed."""
        self.ends()
        self._line(f"✗ {sentence}", style="red")

    def built(self, node: str, done: int, total: int) -> None:
        """Count the nodes of the warehouse."""
        if self._status is not None:
            self._status.update(f"Warehouse: {done} of {total} models and tests ({node})")
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._line(f"  {done} of {total} models and tests")

    def finished(self, count: int, failed: int, up_to_date: int) -> None:
        """Print that the build of the warehouse is over."""
        self._done(
            f"Warehouse: {count} models and tests"
            + (f", {failed} of them failed" if failed else "")
            + (f"; {up_to_date} models are up to date" if up_to_date else "")
        )

    def ends(self) -> None:
        """Remove the moving line."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _done(self, text: str) -> None:
        self.ends()
        self._line(f"✓ {text} ({time.monotonic() - self._began:.1f} s)")

    def _line(self, text: str, style: str | None = None) -> None:
        _say(self._console, text, style=style)


def _say(console: Console, text: str, style: str | None = None) -> None:
    """Print text as it is, names from outside included: neither markup nor control characters count."""
    console.print(visible(text), style=style, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def output_to(log_file: Path) -> Iterator[None]:
    """Send what the libraries print to a file; the file of the previous run is replaced."""
    # It stays open: libraries keep the stream for their own loggers.
    stream = log_file.open("w", buffering=1)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield


def print_summary(summary: RunSummary, console: Console, log_file: Path) -> None:
    """Print the summary of a run and what to look at next."""
    console.print()
    console.rule(f"What this run did, in {summary.seconds:.0f} s", align="left", style="dim")
    _print_landed(summary, console)
    _print_built(summary, console)
    if summary.unresolved_cells:
        console.print("\n[bold]Reference cells that name nothing[/]")
        for sentence in summary.unresolved_cells:
            _say(console, f"  {sentence}", style="yellow")
    if summary.failures or summary.failed_checks:
        console.print("\n[bold red]Failed[/]")
        for sentence in [*summary.failures, *summary.failed_checks]:
            _say(console, f"  {sentence}", style="red")
        _say(console, f"  The full log is in {log_file}.")
    console.print("\n[bold]Look next[/]")
    for command, what in (
        ("workledger look", "pages of figures and charts in a browser"),
        ("workledger ui", "the asset graph, its runs and checks in a browser"),
        ('workledger sql "select * from marts.developers"', "any query, as role analyst"),
        ("workledger dsn", "the DSN for psql, DBeaver or a BI tool"),
    ):
        _say(console, f"  {command:<48} {what}")


def _print_landed(summary: RunSummary, console: Console) -> None:
    if summary.landed or summary.skipped:
        console.print("\n[bold]Landed[/] (rows new or changed, of rows read)")
    for source, tables in summary.landed.items():
        parts = [f"{name} {one.written:,}/{one.read:,}" for name, one in tables.items() if one.read]
        counters = {key: value for one in tables.values() for key, value in one.counters.items()}
        if counters.get("bytes_read"):
            parts.append(f"{counters['bytes_read']:,} bytes")
        _say(console, f"  {SOURCES[source].title}: {', '.join(parts) or 'nothing new'}")
    for sentence in summary.skipped.values():
        _say(console, f"  {sentence}", style="yellow")


def _print_built(summary: RunSummary, console: Console) -> None:
    if summary.built or summary.up_to_date:
        rest = f"; {summary.up_to_date} are up to date" if summary.up_to_date else ""
        console.print(f"\n[bold]Built[/] {len(summary.built)} tables and views{rest}")
        for schema in ("marts", "private", "registry"):
            named = [
                one.name.removeprefix(schema + ".") + (f" +{one.added:,}" if one.rows is None else f" {one.rows:,}")
                for one in summary.built
                if one.name.startswith(schema + ".") and (one.rows is not None or one.added is not None)
            ]
            if named:
                _say(console, f"  {schema}: {', '.join(named)}")
    total = summary.checks_passed + len(summary.warnings) + len(summary.failed_checks)
    if total:
        console.print(
            f"\n[bold]Checked[/] {total} rules: {summary.checks_passed} passed, {len(summary.warnings)} warn, "
            f"{len(summary.failed_checks)} failed"
        )
        for sentence in summary.warnings:
            _say(console, f"  {sentence}", style="yellow")
