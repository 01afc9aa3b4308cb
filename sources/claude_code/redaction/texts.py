"""Texts and the places in them: search from literals, replace by marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

_DIGIT: Final = re.compile(r"\d")
_OPTION: Final = re.compile(r"\d| --?[A-Za-z]|://")
_LONGEST_LABEL: Final = 120
"""Characters of a line that names the value in the next one."""
_WORD: Final = re.compile(r"[\w-]*", re.ASCII)


def matches_from(pattern: re.Pattern[str], text: str, literals: tuple[str, ...]) -> Iterator[re.Match[str]]:
    """Matches that start where one of the literals stands; a search from every character takes ten times as long."""
    end = 0
    for start in places(text, literals):
        if start >= end:
            match = pattern.match(text, start)
            if match is not None:
                yield match
                end = match.end()


def telling_lines(text: str) -> str:
    """The lines that hold a digit, an option or an address, each with the short line before it, which may be a label.

    A third of what people and assistants write; most secrets can stand nowhere else.
    """
    search = (_OPTION if " -" in text or "://" in text else _DIGIT).search
    if search(text) is None:
        return ""
    kept: list[str] = []
    before = ""
    for line in text.split("\n"):
        if search(line):
            if before:
                kept.append(before)
            kept.append(line)
            before = ""
        elif line and not line.isspace():
            before = line if len(line) <= _LONGEST_LABEL else ""
    return "\n".join(kept)


def lines_with(text: str, literals: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Where the lines begin and end that hold one of the literals."""
    end = -1
    for place in places(text, literals):
        if place > end:
            start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
            end = end if end >= 0 else len(text)
            yield start, end


@lru_cache(8)
def places(text: str, literals: tuple[str, ...]) -> list[int]:
    """Where any of the literals stands, in order."""
    found: set[int] = set()
    for literal in [literal for literal in literals if literal in text]:
        at = text.find(literal)
        while at >= 0:
            found.add(at)
            at = text.find(literal, at + 1)
    return sorted(found)


def to_the_end(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that end where the word ends: a pattern of a certain length may stop within a longer secret."""
    for start, end in spans:
        yield start, _WORD.match(text, end).end() if text[end - 1 : end].isalnum() else end  # type: ignore[union-attr]


@lru_cache(4)
def in_lower_case(text: str) -> str:
    """The text in lower case and of the same length: some letters grow when lower-cased, then only ASCII is."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else re.sub("[A-Z]+", lambda match: match[0].lower(), text)


def replace(text: str, spans: Iterable[tuple[int, int]], kind: str) -> str:
    """The text with `[redacted: <kind>]` in place of each span; of two that overlap the first counts."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done and end > start:
            parts += (text[done:start], f"[redacted: {kind}]")
            done = end
    if not parts:
        return text
    return "".join((*parts, text[done:]))
