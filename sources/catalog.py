"""The list of sources: one entry each, naming its package below `sources`."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from sources.kit.spec import SourceSpec

__all__ = ["SOURCES", "SourceSpec"]

_PACKAGES: Final = (
    "claude_code",
    "clickhouse",
    "clockify",
    "github",
    "jira",
    "plaid",
    "reference",
    "tempo",
)

SOURCES: Final[dict[str, SourceSpec]] = {name: import_module(f"sources.{name}").SPEC for name in _PACKAGES}
