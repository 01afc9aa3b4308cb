"""Lines of a transcript in, rows of the raw tables out. Files, processes and loading do not belong here.

The format has no vendor schema and shifts between releases (vendors 6.2), so nothing in a
line may stop a load: a field of a wrong type becomes null and is noted in `unreadable_lines`, an unknown type passes.
Neither this module nor those it is made of import dlt or the schema, so that helper processes start fast; the values of
a row are in the order of the columns in `schema.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from sources.claude_code.answers import AnswerReader
from sources.claude_code.damage import complete_objects, pieces
from sources.claude_code.prompts import PromptReader, branch_ticket_keys
from sources.claude_code.records import Gathered, Place, Position, Redactor, Setting, parse_timestamp
from sources.claude_code.rows import Rows, cell, row
from sources.claude_code.values import SURELY_SHORT, Values, type_name, without_nul

LONGEST_SAMPLE: Final = 500
"""Characters of an unreadable line that are kept."""


class TranscriptReader:
    """Turns lines into rows, one file after another.

    `redactor` changes the texts that land; without one they are dropped. `branch_seen` is (session, branch) of
    the last record that bore a branch: it is part of the file's cursor, because a ticket is mentioned where the branch
    changes, however many reads it takes.
    """

    def __init__(self, redactor: Redactor | None, loaded_at: str) -> None:
        """Begin without rows; `loaded_at` is the start of the run, ISO."""
        self.branch_seen: tuple[str | None, str | None] = (None, None)
        self._gathered = gathered = Gathered(redactor, loaded_at)
        self._settings: dict[Values, Setting] = {}
        answers, prompts = AnswerReader(gathered), PromptReader(gathered)
        self._readers: Mapping[str, Callable[[Position, dict[str, Any]], str]] = {
            "assistant": answers.read_assistant,
            "progress": answers.read_progress,
            "user": prompts.read_user,
            "attachment": prompts.read_attachment,
            "pr-link": prompts.read_link,
        }

    @property
    def rows(self) -> Rows:
        """The rows gathered since they were last taken."""
        return self._gathered.rows

    @property
    def models(self) -> set[str]:
        """Every model that gave an answer."""
        return self._gathered.models

    def begin_file(self, place: Place, branch_seen: tuple[str | None, str | None] = (None, None)) -> None:
        """Read the following lines as lines of this file."""
        self._gathered.begin_file(place)
        self._settings.clear()
        self.branch_seen = branch_seen

    def read_line(self, offset: int, line: bytes, first_index: int = 0) -> int:
        """Read one line without its newline; returns the index after the last record of the line.

        `offset` is the byte offset of the line's start, `first_index` the records of this line read before.
        """
        gathered = self._gathered
        gathered.next_index = first_index
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            for record, fault, text in pieces(line):
                if record is not None:
                    self._read_value(offset, record, line)
                else:
                    self._set_aside(offset, len(line), fault, text)
                    gathered.next_index += 1
        else:
            self._read_value(offset, value, line)
        return gathered.next_index

    def read_unfinished(self, offset: int, line: bytes, first_index: int = 0) -> int | None:
        """Read a last line without newline if it is complete as it is, else return null and land nothing.

        An object closes with its last brace, so no beginning of a longer object parses.
        """
        values = complete_objects(line)
        if values is None:
            return None
        self._gathered.next_index = first_index
        for value in values:
            self._read_value(offset, value, line)
        return self._gathered.next_index

    def note_unreadable(self, offset: int, length: int, reason: str) -> None:
        """Set a line aside that is not read at all; `length` in bytes."""
        self._gathered.next_index = 0
        self._set_aside(offset, length, reason)

    def _set_aside(self, offset: int, length: int, reason: str, sample: bytes | str = b"") -> None:
        gathered = self._gathered
        text = None
        if gathered.redactor is not None and sample:
            # Cut generously first: a secret that the final cut would halve is still whole when redacted.
            beginning = sample[: LONGEST_SAMPLE * 4]
            text = beginning.decode("utf-8", "replace") if isinstance(beginning, bytes) else beginning
            text = gathered.redactor.text(text)[:LONGEST_SAMPLE]
        values = (gathered.place.path, length, reason, text)
        gathered.rows.unreadable_lines.append(
            f"{gathered.start}{offset},{gathered.next_index},{row(values)},{gathered.loaded_at}"
        )

    def _read_value(self, offset: int, value: Any, line: bytes) -> None:
        gathered = self._gathered
        problems = gathered.checks.problems
        index = gathered.next_index
        gathered.next_index = index + 1
        if type(value) is dict:
            self._read_record(offset, index, value)
        else:
            problems.append(f"{type_name(value)} instead of an object")
        if problems:
            following, gathered.next_index = gathered.next_index, index
            self._set_aside(offset, len(line), "; ".join(problems), line)
            gathered.next_index = following
            problems.clear()

    def _read_record(self, offset: int, index: int, record: dict[str, Any]) -> None:
        gathered = self._gathered
        problems = gathered.checks.problems
        get = record.get
        where = (
            get("sessionId") if "sessionId" in record else get("session_id"),  # newer releases write both
            get("agentId"),
            get("cwd"),
            get("gitBranch"),
            get("version"),
            get("isSidechain"),
            get("forkedFrom") is None,
        )
        try:
            setting = self._settings[where]
        except (KeyError, TypeError):  # not met before, or of a type that cannot be looked up
            setting = self._setting(where)
        timestamp = get("timestamp")
        moment = parse_timestamp(timestamp)
        if moment is None and timestamp is not None:
            problems.append(
                "timestamp is no date and time" if type(timestamp) is str else f"timestamp is {type_name(timestamp)}"
            )
        uuid = get("uuid")
        prompt_id = get("promptId")
        if (
            type(uuid) is not str
            or len(uuid) > SURELY_SHORT
            or not (prompt_id is None or (type(prompt_id) is str and len(prompt_id) <= SURELY_SHORT))
        ):
            uuid, prompt_id = gathered.checks.texts((uuid, prompt_id), ("uuid", "promptId"))
        position = Position(offset, index, uuid, moment, prompt_id, setting)
        gathered.author = setting.author
        record_type = get("type")
        read = self._readers.get(record_type) if type(record_type) is str else None
        if read is not None:
            kind = read(position, record)
        else:
            kind = "other"
            if type(record_type) is not str:
                problems.append(f"type is {type_name(record_type)}")
        if moment is not None:
            gathered.rows.events.append(
                f"{gathered.start}{offset},{index},{gathered.author},{cell(uuid)},{moment},{kind},{setting.surroundings},"
                f"{cell(prompt_id) if prompt_id else ''},{gathered.loaded_at}"
            )
        if setting.git_branch and self.branch_seen != setting.branch_seen:
            self.branch_seen = setting.branch_seen
            keys = branch_ticket_keys(setting.git_branch)
            gathered.mention(position, keys, "branch")

    def _setting(self, where: Values) -> Setting:
        *texts, is_sidechain, is_not_forked = where
        gathered = self._gathered
        problems = gathered.checks.problems
        problems_before = len(problems)
        names = ("sessionId", "agentId", "cwd", "gitBranch", "version")
        session_id, agent_id, cwd, git_branch, version = gathered.checks.texts(texts, names)
        session_id = without_nul(session_id or "") or gathered.place.session_id
        agent_id = agent_id or gathered.place.agent_id
        if type(is_sidechain) is not bool:
            if is_sidechain is not None:
                problems.append(f"isSidechain is {type_name(is_sidechain)}")
            is_sidechain = gathered.place.agent_id is not None
        setting = Setting(
            session_id,
            agent_id,
            is_sidechain,
            cwd,
            git_branch,
            not is_not_forked,
            (session_id, git_branch),
            row((session_id, agent_id, is_sidechain)),
            row((cwd, git_branch, version, not is_not_forked)),
        )
        if len(problems) == problems_before:
            self._settings[where] = setting
        return setting
