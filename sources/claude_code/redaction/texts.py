"""Texts and the places in them: search from literals, replace by marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final

_DIGIT: Final = re.compile(r"\d")
_OPTION: Final = re.compile(r"\d| --?[A-Za-z]|://")
_LONGEST_LABEL: Final = 120
"""Characters of a line that names the value in the next one."""
_WORD: Final = re.compile(r"[\w-]*", re.ASCII)
_FAR: Final = 300
_IN_BASE64: Final = ascii_letters + digits + "+/_-"
_SIGNS: Final = "!@#$%^&*()~"
_BASE64_REST: Final = re.compile(rf"[A-Za-z\d+/_-]{{0,{_FAR}}}+={{0,2}}+(?!\.\w)")
_QUOTED_REST: Final = re.compile(rf"[A-Za-z\d+/_!@#$%^&*()~=-]{{0,{_FAR}}}(?=\\{{0,3}}[\"'`])")
_IN_ADDRESS: Final = re.compile(r"://[^\s\"'`,;|<>?]*\Z")
_QUOTES: Final = ("'", '"', "`")
# What stands between the slashes of a path.
_PATH_WORD: Final = re.compile(r"(?:[A-Z]?[a-z]+\d{0,4}|[A-Z]+\d{0,4}|\d+|)\Z")
_BETWEEN_WORDS: Final = re.compile("[/+_=-]")


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
    if "\n" not in text:
        return text
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


_LETTERS: Final = re.compile("[a-z]+")
# White space in JSON within JSON.
_ESCAPED: Final = re.compile(r"\\[nrt]")
START: Final = 4
"""Letters of a word that `word_starts` keeps."""


@lru_cache(4)
def word_starts(text: str) -> frozenset[str]:
    """The first four letters of every word: whether many words are in a text is then told without a search for each."""
    lowered = in_lower_case(text)
    words = _LETTERS.findall(lowered)
    if "\\n" in lowered:
        words += _LETTERS.findall(_ESCAPED.sub(" ", lowered))
    return frozenset([word[:START] for word in words])


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
    """The text with `[redacted: <kind>]` in place of each span and its rest; of two that overlap the first counts."""
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done and end > start:
            first, last = _whole(text, start, end)
            parts += (text[done:first], f"[redacted: {kind}]")
            done = last
    if not parts:
        return text
    return "".join((*parts, text[done:]))


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the value begins and ends of which a part was found.

    In base64 `/` and `+` stand within a value, in quotes other signs, too. What is a path or an address stays.
    """
    before = text[max(start - _FAR, 0) : start]
    if _IN_ADDRESS.search(before, max(before.rfind("://"), 0)):
        return start, end
    for signs, rest in ((_SIGNS, _QUOTED_REST), ("", _BASE64_REST)):
        head = before[len(before.rstrip(_IN_BASE64 + signs)) :]
        tail = rest.match(text, end)
        opening = before[-len(head) - 1 : len(before) - len(head)]
        if tail is None or (signs and opening not in _QUOTES):
            continue
        if head.startswith("/") or opening in (".", "~", "\\"):
            break
        return start - len(head) if _is_rest(head) else start, tail.end() if _is_rest(tail[0]) else end
    return start, end


def _is_rest(text: str) -> bool:
    """Whether what stands beside a secret belongs to it: it has signs, or something that is no word of a path."""
    return (
        text.endswith("=")
        or any(map(text.__contains__, _SIGNS))
        or not all(map(_PATH_WORD.match, _BETWEEN_WORDS.split(text)))
    )
