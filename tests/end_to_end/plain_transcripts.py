"""Transcripts counted a second time: the json module, dictionaries, the rules' words. Shares no code with the project.

What it holds (rules, chapter 5): usage counts once per message id over all files, the line with the most output
tokens wins, sub-agents' files and progress lines included; the session with the earliest line of that id keeps it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

TOKENS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
IDLE_MILLISECONDS = 15 * 60 * 1000
_DECODER = json.JSONDecoder(strict=False)
_NO_PERSON = (
    "<local-command-",
    "<bash-",
    "<system-reminder>",
    "<task-notification>",
    "[Request interrupted by user",
    "Caveat: The messages below",
)
_EDITOR_NOTE = re.compile(r"\s*<(ide_\w+|system-reminder)>.*?</\1>", re.DOTALL)


@dataclass
class Line:
    """One record of a file: its session as the record or the path says, its moment in milliseconds since 1970."""

    session: str
    at: int | None
    place: tuple[str, int]
    record: dict[str, Any]

    @property
    def is_forked(self) -> bool:
        return self.record.get("forkedFrom") is not None


@dataclass
class Answer:
    """All lines of one message id."""

    lines: list[tuple[int, int, tuple[int, ...], Line]] = field(default_factory=list)

    @property
    def tokens(self) -> tuple[int, ...]:
        return max(self.lines, key=lambda line: (line[0], line[1], line[3].place[1]))[2]

    @property
    def at(self) -> int | None:
        return min((at for _, at, _, _ in self.lines if at), default=None)

    @property
    def session(self) -> str:
        return min(self.lines, key=lambda line: (line[1] or 2**62, line[3].is_forked, line[3].session))[3].session


@dataclass
class Plain:
    """What a set of transcripts says."""

    answers: dict[str, Answer]
    naive: dict[str, int]
    """Tokens of every line that bears usage, by session: what nobody may find in a mart."""
    seconds: dict[str, int]
    prompts: dict[str, int]
    unreadable: int

    @property
    def sessions(self) -> dict[str, tuple[int, ...]]:
        """The four token counts and the number of answers, by session."""
        sums: dict[str, tuple[int, ...]] = defaultdict(lambda: (0,) * (len(TOKENS) + 1))
        for answer in self.answers.values():
            sums[answer.session] = tuple(map(sum, zip(sums[answer.session], (*answer.tokens, 1), strict=True)))
        return dict(sums)

    @property
    def half_hours(self) -> dict[tuple[str, int], tuple[int, ...]]:
        """The same by session and half hour since 1970, of answers whose time is known."""
        sums: dict[tuple[str, int], tuple[int, ...]] = defaultdict(lambda: (0,) * (len(TOKENS) + 1))
        for answer in self.answers.values():
            if answer.at is not None:
                key = (answer.session, answer.at // 1_800_000)
                sums[key] = tuple(map(sum, zip(sums[key], (*answer.tokens, 1), strict=True)))
        return dict(sums)


def read(folder: Path) -> Plain:
    """Read every transcript below the folder."""
    answers: dict[str, Answer] = defaultdict(Answer)
    naive: dict[str, int] = defaultdict(int)
    lines: list[Line] = []
    unreadable = 0
    for path in sorted(folder.rglob("*.jsonl")):
        if path.name == "journal.jsonl" or "tool-results" in path.parts:
            continue
        for offset, record in _records(path):
            if record is None:
                unreadable += 1
                continue
            line = Line(_session(path, record), _moment(record.get("timestamp")), (str(path), offset), record)
            lines.append(line)
            inner = record
            if record.get("type") == "progress":
                inner = (record.get("data") or {}).get("message") or {}
            message = inner.get("message")
            if not isinstance(message, dict) or not isinstance(message.get("usage"), dict):
                continue
            tokens = tuple(int(message["usage"].get(name) or 0) for name in TOKENS)
            naive[line.session] += sum(tokens)
            if message.get("model") != "<synthetic>":
                key = message.get("id") or inner.get("requestId") or inner.get("uuid", "")
                at = _moment(inner.get("timestamp")) or line.at or 0
                answers[key].lines.append((tokens[1], at, tokens, line))
    kept = _without_copies(lines)
    return Plain(dict(answers), dict(naive), _active_seconds(kept), _prompts(kept), unreadable)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    offset = 0
    for raw in path.read_bytes().split(b"\n"):
        text = raw.decode("utf-8", "replace").strip(" \t\r\0")
        position = 0
        while position < len(text) and not text.startswith("//"):
            try:
                record, position = _DECODER.raw_decode(text, position)
            except ValueError:
                yield offset, None
                break
            yield offset, record if isinstance(record, dict) else None
            while position < len(text) and text[position] in " \t\0":
                position += 1
        offset += len(raw) + 1


def _session(path: Path, record: dict[str, Any]) -> str:
    if isinstance(record.get("sessionId"), str):
        return str(record["sessionId"])
    return path.parts[path.parts.index("subagents") - 1] if "subagents" in path.parts else path.stem


def _moment(value: Any) -> int | None:
    try:
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _without_copies(lines: list[Line]) -> list[Line]:
    """A record copied into another session (one uuid) is the earliest's, then that of the line that is no fork."""
    owner: dict[str, tuple[int, bool, str]] = {}
    for line in lines:
        if (uuid := _text(line.record.get("uuid"))) and line.at is not None:
            claim = (line.at, line.is_forked, line.session)
            owner[uuid] = min(claim, owner.get(uuid, claim))
    return [
        line for line in lines if owner.get(_text(line.record.get("uuid")), (0, False, line.session))[2] == line.session
    ]


def _active_seconds(lines: list[Line]) -> dict[str, int]:
    moments: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        if line.at is not None:
            moments[line.session].add(line.at)
    seconds = {}
    for session, of_session in moments.items():
        ordered = sorted(of_session)
        gaps = [later - earlier for earlier, later in pairwise(ordered)]
        seconds[session] = sum(gap for gap in gaps if gap <= IDLE_MILLISECONDS) // 1000
    return seconds


def _prompts(lines: list[Line]) -> dict[str, int]:
    """A person's own texts, commands and queued commands: one per promptId, else per uuid; none of sub-agents."""
    prompts: dict[str, set[str]] = defaultdict(set)
    for number, line in enumerate(lines):
        record = line.record
        marks = ("isMeta", "isSidechain", "isCompactSummary", "isVisibleInTranscriptOnly", "agentId")
        if any(record.get(mark) for mark in marks) or Path(line.place[0]).stem.startswith("agent-"):
            continue
        identity = _text(record.get("promptId")) or _text(record.get("uuid")) or str(number)
        if record.get("type") == "attachment" and (record.get("attachment") or {}).get("type") == "queued_command":
            attachment = record["attachment"]
            content, identity = attachment.get("prompt"), attachment.get("source_uuid") or identity
            if attachment.get("commandMode") == "task-notification" or attachment.get("isMeta"):
                continue
        elif record.get("type") == "user" and isinstance(record.get("message"), dict):
            content = record["message"].get("content")
        else:
            continue
        if (record.get("origin") or {}).get("kind") not in (None, "human", "user"):
            continue
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks = [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
        kinds = {block.get("type") for block in blocks}
        texts = [
            _EDITOR_NOTE.sub("", block.get("text") or "").strip() for block in blocks if block.get("type") == "text"
        ]
        own = [text for text in texts if text and not text.startswith(_NO_PERSON)]
        if "tool_result" not in kinds and (own or "image" in kinds):
            prompts[line.session].add(identity)
    return {session: len(of_session) for session, of_session in prompts.items()}
