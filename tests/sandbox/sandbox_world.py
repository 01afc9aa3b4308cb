"""Hand-written rows for the sandbox's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson


def write_collection(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """Write a collection as a person would; `name` is `vendor/collection`."""
    path = folder / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def entry(key: str, start: str, **values: Any) -> dict[str, Any]:
    """A hand-written time entry of user u1 in workspace w1."""
    interval = {"start": start, "end": start, "duration": "PT0S"}
    return {"id": key, "workspaceId": "w1", "userId": "u1", "timeInterval": interval, **values}
