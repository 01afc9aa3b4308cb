"""Lines that are no single JSON object: blank or cut, several records on one line, bytes that are no UTF-8.

What a record means does not belong here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from sources.claude_code.values import type_name, without_surrogates

_MOST_SALVAGE_ATTEMPTS: Final = 20
_RECORD_START: Final = re.compile(r'\{"(?:parentUuid|type|sessionId|uuid|isSidechain)":')
_BETWEEN_RECORDS: Final = " \t\r\n\0,\ufeff"
_DECODER: Final = json.JSONDecoder(strict=False)


def pieces(line: bytes) -> Iterator[tuple[dict[str, Any] | None, str, str]]:
    """What a line that orjson refuses consists of.

    Yields a record with two empty texts, or null with what is wrong and the text that it is wrong with. Blank lines and
    comments yield nothing.
    """
    text = line.decode("utf-8", "replace").strip(_BETWEEN_RECORDS)
    if not text:
        if b"\0" in line:
            yield None, "the line holds NUL characters alone", ""
        return
    if text.startswith("//"):
        return
    position = 0
    while position < len(text):
        try:
            value, end = _DECODER.raw_decode(text, position)
            fault = None if type(value) is dict else f"{type_name(value)} instead of an object"
        except (ValueError, RecursionError) as error:
            end = position + 1
            fault = f"not JSON: {getattr(error, 'msg', None) or 'nested too deeply'}"
        if fault is None:
            yield without_surrogates(value), "", ""
        else:
            # One fault for all up to the next record: noise of a million numbers is one bad line.
            end = _next_record(text, end)
            yield None, fault, text[position:end]
        position = end
        while position < len(text) and text[position] in _BETWEEN_RECORDS:
            position += 1


def complete_objects(line: bytes) -> list[dict[str, Any]] | None:
    """The JSON objects that a line without newline consists of, or null if anything of it is incomplete."""
    text = line.decode("utf-8", "replace").strip(_BETWEEN_RECORDS)
    if not text.startswith("{") or not text.endswith("}"):
        return None
    values: list[dict[str, Any]] = []
    position = 0
    while position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None
        if type(value) is not dict:
            return None
        values.append(without_surrogates(value))
        while position < len(text) and text[position] in _BETWEEN_RECORDS:
            position += 1
    return values


def _next_record(text: str, position: int) -> int:
    """Where a whole record begins after a cut one on the same line (a tool that was killed and went on); else the end.

    Only a record that reaches to the line's end and names a session is taken: what the cut record itself holds does not
    pass for one.
    """
    for attempt, start in enumerate(_RECORD_START.finditer(text, position)):
        if attempt >= _MOST_SALVAGE_ATTEMPTS:
            break
        try:
            value, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        if type(value) is dict and "sessionId" in value and not text[end:].strip(_BETWEEN_RECORDS):
            return start.start()
    return len(text)
