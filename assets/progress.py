"""Progress of a run: the listener that receives it, what a load did to a table, and what a build left in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class LandedTable:
    """What one load did to one table."""

    read: int = 0
    """Rows that the source returned."""
    written: int = 0
    """Rows of these that were new or changed."""
    counters: Mapping[str, int | float | str] = field(default_factory=dict)
    """The source's own counts, such as bytes_read."""


@dataclass(frozen=True)
class Glimpse:
    """What a table holds after it was built."""

    count: int | None
    """Rows; None if they were not counted."""
    rows: Sequence[Mapping[str, Any]]
    """The first of them, as far as they were asked for and could be read in a second."""


class Listener(Protocol):
    """Receives the progress of a run."""

    def says(self, sentence: str) -> None:
        """Report a preparation step in one sentence."""

    def begins(self, what: str) -> None:
        """Report that a part of the run begins, by its display name."""

    def landed(self, title: str, tables: Mapping[str, LandedTable]) -> None:
        """Report what the load of a source wrote, by table."""

    def skipped(self, sentence: str) -> None:
        """Report why a source is skipped."""

    def failed(self, sentence: str) -> None:
        """Report that a part of the run failed."""

    def built(self, node: str, done: int, total: int) -> None:
        """Report that dbt has finished a node, the `done`th of `total`."""

    def finished(self, count: int, failed: int, up_to_date: int) -> None:
        """Report the end of the build: nodes built, how many of them failed, models that are up to date."""
