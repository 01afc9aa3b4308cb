"""Jira's document format as plain text.

Facts: vendors 2.4. Version 3 hands long texts over as a tree of nodes, Data Center as a plain string.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_BLOCKS = frozenset({"paragraph", "heading", "codeBlock", "blockCard", "rule", "tableRow", "mediaSingle", "caption"})
_ATTRIBUTES = {"mention": "text", "emoji": "shortName", "status": "text", "inlineCard": "url", "blockCard": "url"}
_DEEPEST = 200


def plain_text(value: Any) -> str | None:
    """The text of a description or comment: a line for each block, items begin with `- `, cells are set apart by tabs.

    Nodes that this reader has never heard of give the text within them. Null where there is no text.
    """
    if value is None:
        return None
    text = value if isinstance(value, str) else "".join(_parts(value, 0))
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join(lines).strip("\n") or None


def _parts(node: Any, depth: int) -> list[str]:
    if isinstance(node, list):
        return [part for child in node for part in _parts(child, depth)]
    if not isinstance(node, Mapping) or depth > _DEEPEST:
        return []
    kind = node.get("type")
    if isinstance(node.get("text"), str):
        return [node["text"]]
    if kind == "hardBreak":
        return ["\n"]
    parts = _attribute(node, kind) + _parts(node.get("content"), depth + 1)
    if kind == "listItem":
        return ["- ", *parts]
    if kind in ("tableCell", "tableHeader"):
        return ["".join(parts).rstrip("\n").replace("\n", " "), "\t"]
    return [*parts, "\n"] if kind in _BLOCKS else parts


def _attribute(node: Mapping[str, Any], kind: Any) -> list[str]:
    """Return the text that a node has in its attributes instead of its content."""
    attributes = node.get("attrs")
    if not isinstance(attributes, Mapping):
        return []
    if kind == "date" and str(attributes.get("timestamp", "")).isdigit():
        moment = datetime.fromtimestamp(int(attributes["timestamp"]) / 1000, UTC)
        return [moment.date().isoformat()]
    value = attributes.get(_ATTRIBUTES.get(str(kind), ""))
    return [value] if isinstance(value, str) else []
