"""Logs of other tools that may lie below a session root, told from transcripts by their first records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

_MOST_RECORDS: Final = 40
"""Records that are looked at; every tool names itself within the first few."""

UNKNOWN_LOG: Final = "log of another tool"

_Record = dict[str, Any]


def _has_type(*types: str) -> Callable[[_Record], bool]:
    return lambda record: record.get("type") in types


def _message(record: _Record) -> _Record:
    message = record.get("message")
    return message if type(message) is dict else {}


_COPILOT_EVENT: Final = re.compile(r"(?:session|user|assistant|tool|abort|hook|subagent|skill|system)\.[a-z_.]+")

# What each tool writes and Claude Code does not (vendors 6.7).
_SIGNS: Final[tuple[tuple[str, Callable[[_Record], bool]], ...]] = (
    (
        "Codex rollout",
        lambda record: (
            (
                record.get("type") in ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
                and type(record.get("payload")) is dict
            )
            or "record_type" in record
            or ("instructions" in record and "type" not in record)
        ),
    ),
    ("Gemini CLI session", lambda record: "projectHash" in record or record.get("type") == "gemini"),
    ("Qwen Code session", lambda record: "usageMetadata" in record or type(_message(record).get("parts")) is list),
    (
        "Copilot CLI session",
        lambda record: (
            type(record.get("type")) is str
            and type(record.get("data")) is dict
            and _COPILOT_EVENT.fullmatch(record["type"]) is not None
        ),
    ),
    ("OpenCode session", lambda record: type(record.get("sessionID")) is str),
    ("Factory Droid session", _has_type("session_start")),
    (
        "pi session",
        lambda record: record.get("type") == "session" and "version" in record and "sessionId" not in record,
    ),
    ("Goose session", lambda record: "working_dir" in record and "type" not in record),
)

_TRANSCRIPT_TYPES: Final = frozenset(
    {
        "agent-name",
        "agent-setting",
        "ai-title",
        "assistant",
        "attachment",
        "bridge-session",
        "custom-title",
        "file-history-delta",
        "file-history-snapshot",
        "last-prompt",
        "permission-mode",
        "pr-link",
        "progress",
        "queue-operation",
        "result",
        "summary",
        "system",
        "tag",
        "user",
        "worktree-state",
    }
)


def other_tool(lines: Iterable[bytes]) -> str:
    """What a file is whose first lines these are, such as `Codex rollout`; empty for a transcript.

    A file of which nothing can be read counts as a transcript, so that its damage is noted.
    """
    has_records = False
    for number, line in enumerate(lines):
        if number >= _MOST_RECORDS:
            break
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if type(record) is not dict:
            continue
        has_records = True
        for tool, is_from in _SIGNS:
            if is_from(record):
                return tool
        if _is_of_a_transcript(record):
            return ""
    return UNKNOWN_LOG if has_records else ""


def counted(found: Iterable[tuple[str, int]]) -> str:
    """Kinds of files with their numbers, in words: `2 Codex rollouts, 1 .zip archive`."""
    return ", ".join(f"{count:,} {_plural(kind) if count != 1 else kind}" for kind, count in sorted(found))


def _plural(kind: str) -> str:
    return kind.replace("log ", "logs ", 1) if kind == UNKNOWN_LOG else f"{kind}s"


def _is_of_a_transcript(record: _Record) -> bool:
    return (
        type(record.get("sessionId")) is str
        or type(record.get("session_id")) is str
        or record.get("type") in _TRANSCRIPT_TYPES
    )
