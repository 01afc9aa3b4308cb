"""What the readers of lines share: the file being read, where a record was written, and the rows gathered so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from sources.claude_code.rows import Rows, row
from sources.claude_code.values import ValueChecks

SessionText = Literal["none", "redacted", "full"]

TRANSCRIPT: Final = ".jsonl"
COMPRESSED: Final = ".jsonl.gz"
"""How the names of transcripts end."""


@dataclass(frozen=True)
class Redactor:
    """What becomes of a text, and of a JSON value's texts, before it lands; by itself: nothing."""

    text: Callable[[str], str] = str
    value: Callable[[Any], Any] = field(default=lambda value: value)


@dataclass(frozen=True)
class Place:
    """The file whose lines are read.

    `session_id` and `agent_id` are what the path says; they hold for records that do not say it themselves. A record
    always has a session, or its answer would be in no sum: a sub-agent's file that tells no parent is a session itself.
    """

    file_id: str
    generation: int
    path: str
    session_id: str
    agent_id: str | None


def place_of(file_id: str, generation: int, path: str) -> Place:
    """Read session and sub-agent from a transcript's path, both layouts (vendors 6.1)."""
    parts = path.replace("\\", "/").split("/")
    stem = parts[-1].removesuffix(".gz").removesuffix(TRANSCRIPT) or parts[-1]
    if not stem.startswith("agent-"):
        return Place(file_id, generation, path, stem, None)
    session_id = stem
    if "subagents" in parts[1:]:
        session_id = parts[len(parts) - 1 - parts[::-1].index("subagents") - 1]
    return Place(file_id, generation, path, session_id, stem.removeprefix("agent-"))


def parse_timestamp(value: Any) -> str | None:
    """A moment in ISO form with offset, or null for what is none; without an offset it is UTC (the tool writes UTC).

    A moment of another century is none: a zero or a maximum that stands for "unknown" would be a session's first day.
    """
    try:
        moment = datetime.fromisoformat(value)
        if moment.year // 100 != 20:
            return None
        if len(value) == 24 and value[23] == "Z" and value[19] == "." and value[10] == "T" and value[5] != "W":
            return str(value)  # as the tool writes it, which Postgres reads as it is
        return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Setting:
    """What records say about where they were written, mostly the same from line to line; with its cells of a row."""

    session_id: str
    agent_id: str | None
    is_sidechain: bool
    cwd: str | None
    git_branch: str | None
    is_forked: bool
    branch_seen: tuple[str | None, str | None]
    author: str
    surroundings: str

    @property
    def is_by_agent(self) -> bool:
        """Whether a sub-agent or a side question wrote the record, not the main conversation."""
        return self.is_sidechain or self.agent_id is not None


class Position(NamedTuple):
    """Where and when one record was written."""

    offset: int
    record_index: int
    uuid: str | None
    moment: str | None
    prompt_id: str | None
    setting: Setting


class Gathered:
    """The rows of the lines read so far, and what every reader of a line needs to add one.

    `checks` holds the problems of the current record. `redactor` changes the texts that land; without one they are
    dropped. `start` begins each row of the current file. `next_index` is the index of the current line's next record.
    `author` are the cells that say who wrote the current record: its setting's, unless what it wraps says otherwise.
    """

    def __init__(self, redactor: Redactor | None, loaded_at: str) -> None:
        """Begin without rows; `loaded_at` is the start of the run, ISO."""
        self.rows = Rows()
        self.models: set[str] = set()
        self.checks = ValueChecks()
        self.redactor = redactor
        self.loaded_at = loaded_at
        self.place = Place("", 0, "", "", None)
        self.start = ""
        self.next_index = 0
        self.author = ""

    def begin_file(self, place: Place) -> None:
        """Add the following rows as rows of this file."""
        self.place = place
        self.start = f"{place.file_id},{place.generation},"

    def mention(self, position: Position, keys: Iterable[str], origin: str) -> None:
        """Add a row of `ticket_mentions` for each key; `origin` says where the record names it."""
        for key in keys:
            values = (position.setting.session_id, key, position.moment, origin)
            self.rows.ticket_mentions.append(
                f"{self.start}{position.offset},{position.record_index},{row(values)},{self.loaded_at}"
            )
