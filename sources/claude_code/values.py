"""What a value in a record may be: checked, cut, and brought into a form that Postgres takes. Every fault is noted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

Values = tuple[Any, ...]

LONGEST_NAME: Final = 500
"""Bytes of an id, a model, a directory …; Postgres indexes no value of more than a third of a page."""
SURELY_SHORT: Final = LONGEST_NAME // 4
"""Characters that never take more bytes than that."""

# Beyond these a count or an amount is noise, and sums of such would not fit the columns of the marts.
LARGEST_COUNT: Final = 2**40
_LARGEST_COST: Final = 10**6


class ValueChecks:
    """Checks on the values of one record after another; `problems` gathers what is wrong with the current one."""

    def __init__(self) -> None:
        """Begin without problems."""
        self.problems: list[str] = []

    def texts(self, values: Sequence[Any], names: Sequence[str]) -> Values:
        """The texts among the values; what is no text becomes null and what is too long is cut, both noted."""
        texts: list[str | None] = []
        for value, name in zip(values, names, strict=True):
            text = value if type(value) is str else None
            if text is None and value is not None:
                self.problems.append(f"{name} is {type_name(value)}")
            elif text is not None and len(text) > SURELY_SHORT:
                text = _short_name(text)
                if text != value:
                    self.problems.append(f"{name} is longer than {LONGEST_NAME} bytes")
            texts.append(text)
        return tuple(texts)

    def counts(self, values: Sequence[Any]) -> Values:
        """The seven counts of a usage, in the order of the names below; what is no count becomes null and is noted."""
        names = (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "ephemeral_1h_input_tokens",
            "web_search_requests",
            "ephemeral_5m_input_tokens",
        )
        counts: list[int | None] = []
        for value, name in zip(values, names, strict=True):
            whole = int(value) if type(value) is float and value.is_integer() else value
            if type(whole) is int and 0 <= whole < LARGEST_COUNT:
                counts.append(whole)
                continue
            counts.append(None)
            if value is not None:
                wrong = "out of range" if type(whole) is int else type_name(value)
                self.problems.append(f"usage {name} is {wrong}")
        return tuple(counts)

    def cost(self, value: Any) -> Decimal | None:
        """US dollars that a line states; what is no amount becomes null and is noted."""
        if type(value) in (int, float):
            try:
                cost = Decimal(repr(value))
                if cost.is_finite() and 0 <= cost < _LARGEST_COST:
                    return cost.quantize(Decimal("1e-18"))
            except InvalidOperation:
                pass  # falls through to the note below
        self.problems.append("costUSD is no amount")
        return None

    def dump(self, redact: Callable[[Any], Any], value: Any) -> str | None:
        """JSON text of a tool's input that Postgres' jsonb takes, its strings redacted."""
        try:
            value = redact(value)
            text = _dump_json(value)
            # jsonb refuses the character NUL, which JSON writes as an escape.
            return _dump_json(_map_strings(value, without_nul)) if "\\u0000" in text else text
        except RecursionError:
            self.problems.append("a tool's input is nested too deeply")
            return None


def _short_name(text: str) -> str:
    """The name itself, or its beginning and a hash of the whole, so that different names stay different."""
    whole = text.encode("utf-8", "replace")
    if len(whole) <= LONGEST_NAME:
        return text
    mark = f"…{hashlib.blake2b(whole, digest_size=16).hexdigest()}"
    return whole[: LONGEST_NAME - len(mark.encode())].decode("utf-8", "ignore") + mark


def without_nul(text: str) -> str:
    """The text without the character NUL, which Postgres does not take."""
    return text.replace("\0", "")


def without_surrogates(value: Any) -> Any:
    """The value with lone surrogates, which UTF-8 cannot express, replaced; deep values give way to null."""
    try:
        return _map_strings(value, lambda text: text.encode("utf-8", "replace").decode("utf-8"))
    except RecursionError:
        return None


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:
    if type(value) is str:
        return change(value)
    if type(value) is dict:
        return {change(key): _map_strings(item, change) for key, item in value.items()}
    if type(value) is list:
        return [_map_strings(item, change) for item in value]
    return value


def _dump_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Integers beyond 64 bits; NaN and infinity have no place in JSON and become null first.
        return json.dumps(_without_nonfinite(value), ensure_ascii=False)


def _without_nonfinite(value: Any) -> Any:
    if type(value) is dict:
        return {key: _without_nonfinite(item) for key, item in value.items()}
    if type(value) is list:
        return [_without_nonfinite(item) for item in value]
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


_TYPE_NAMES: Final = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "a truth value",
    type(None): "missing",
}


def type_name(value: Any) -> str:
    """The JSON type of a value, in words."""
    return _TYPE_NAMES.get(type(value), type(value).__name__)
