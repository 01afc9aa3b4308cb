"""Which sources exist: one entry each. Names, tables and needed settings stand here, no source's inner workings.

Reading the catalogue needs no setting and reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from sources.claude_code.schema import TABLES as CLAUDE_CODE_TABLES
from sources.clickhouse.schema import TABLES as CLICKHOUSE_TABLES
from sources.clockify.schema import TABLES as CLOCKIFY_TABLES
from sources.github.schema import TABLES as GITHUB_TABLES
from sources.jira.schema import TABLES as JIRA_TABLES
from sources.plaid.schema import TABLES as PLAID_TABLES
from sources.reference.schema import TABLES as REFERENCE_TABLES
from sources.tables import QUARANTINE, Table
from sources.tempo.schema import TABLES as TEMPO_TABLES


@dataclass(frozen=True)
class SourceSpec:
    """One source: its name (pipeline, schema `raw_<name>`, asset prefix), tables and needed settings.

    `required_settings` are dlt's names below `SOURCES__<NAME>__`; without one of them the source cannot run.
    """

    name: str
    title: str
    build: Callable[[], Any]
    tables: tuple[Table, ...]
    required_settings: tuple[str, ...]

    @property
    def schema(self) -> str:
        """The Postgres schema that the source lands in."""
        return f"raw_{self.name}"


def _source(name: str, title: str, tables: tuple[Table, ...], *required_settings: str) -> SourceSpec:
    def build() -> Any:
        return getattr(import_module(f"sources.{name}"), name)()

    return SourceSpec(name, title, build, tables, required_settings)


SOURCES: Final[dict[str, SourceSpec]] = {
    spec.name: spec
    for spec in (
        _source("claude_code", "Claude Code transcripts", CLAUDE_CODE_TABLES, "roots"),
        _source("clickhouse", "ClickHouse mirror", (*CLICKHOUSE_TABLES, QUARANTINE), "dsn"),
        _source("clockify", "Clockify", (*CLOCKIFY_TABLES, QUARANTINE), "api_key"),
        _source("github", "GitHub", (*GITHUB_TABLES, QUARANTINE), "token"),
        _source("jira", "Jira", (*JIRA_TABLES, QUARANTINE), "base_url", "api_token"),
        _source("plaid", "Plaid", (*PLAID_TABLES, QUARANTINE), "client_id", "secret", "access_tokens"),
        _source("reference", "Reference files", REFERENCE_TABLES, "folder"),
        _source("tempo", "Tempo", (*TEMPO_TABLES, QUARANTINE), "api_token"),
    )
}
