"""JSON and plain text in the form that Postgres accepts: decoding, encoding, cleaning."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson


def decode_json(body: bytes, *, exact: bool = False) -> Any:
    """Decode JSON, None for an empty body. Raises `ValueError` for anything else."""
    if not body.strip():
        return None
    if exact:
        return json.loads(body, parse_float=Decimal)
    # Parsing makes tens of thousands of objects and no garbage; the collector would scan them repeatedly (measured:
    # a third of the time that 50,000 worklogs take from the socket to Arrow).
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Lone surrogates are legal in JSON and refused by orjson; broken JSON fails here again.
        return json.loads(body)
    finally:
        if was_collecting:
            gc.enable()


def dump_json(value: Any) -> str:
    """JSON text with sorted keys that Postgres' jsonb takes: exact decimals, no NUL, no lone surrogates."""
    try:
        text = orjson.dumps(value, default=_plain_decimal, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        # Lone surrogates, integers beyond 64 bits: rare, so the standard library's pace will do.
        return json.dumps(_cleaned(value), sort_keys=True, default=str, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" in text:
        return orjson.dumps(_cleaned(value), default=_plain_decimal, option=orjson.OPT_SORT_KEYS).decode()
    return text


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def clean_text(text: str) -> str:
    """`text` without what Postgres refuses: NUL characters go, lone surrogates become question marks."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _plain_decimal(value: Any) -> Any:
    """orjson's hook for what it does not know: a decimal keeps its digits as a JSON number."""
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value)) if value.is_finite() else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
