"""The declaration of a source: its tables, its settings, its owner and its schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any, Final

from sources.kit.table import Table

ACCEPT_ACCOUNT: Final = "accept_account"
"""The setting that names the account which may take the place of the one that has landed."""
ACCEPT_LOSS: Final = "accept_loss"
"""The setting that lets a list which lacks far too much be believed, on the day (UTC) that it names."""


@dataclass(frozen=True)
class SourceSpec:
    """One source, as data; every list of sources elsewhere derives from it.

    `name` is the package below `sources`, the dlt pipeline, the suffix of the schema and the prefix of the assets.
    Settings are dlt's names below `SOURCES__<NAME>__`, in lower case.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    owner: str
    """The team that answers for it, such as `team:delivery`."""
    cron: str
    """When it is loaded, UTC."""
    fresh_within: timedelta
    """How long after a load the next one must have ended. A load that finds no change writes no row, so the tables
    themselves do not tell."""
    required_settings: tuple[str, ...] = ()
    """Without one of them the source is skipped."""
    optional_settings: tuple[str, ...] = ()
    supplied_settings: Mapping[str, str] = field(default_factory=dict)
    """Settings that Workledger supplies itself, each with what to do instead of setting its variable ("set …");
    `{reference_dir}` is the folder of reference files."""
    probe: str = ""
    """The table that `doctor` reads a few rows of to prove the credentials; empty where there are none to prove."""
    sandbox_settings: Mapping[str, str] = field(default_factory=dict)
    """Settings that make it read the sandbox; `{url}` is the address of the sandbox's server."""
    is_vendor: bool = False
    """Whether it reads somebody else's system, which may show less than before."""
    age_tables: tuple[str, ...] = ()
    """The tables whose newest row tells how old the source's data is (the list in dbt model `int_staging__loads`)."""

    def __post_init__(self) -> None:
        """Refuse names that are declared nowhere."""
        names = {table.name for table in self.tables}
        if unknown := {*self.age_tables, *([self.probe] if self.probe else [])} - names:
            raise ValueError(f"source {self.name}: {', '.join(sorted(unknown))} is none of its tables")
        if unknown := {*self.sandbox_settings, *self.supplied_settings} - set(self.settings):
            raise ValueError(f"source {self.name}: {', '.join(sorted(unknown))} is none of its settings")

    @property
    def settings(self) -> tuple[str, ...]:
        """All settings, the required ones first."""
        return self.required_settings + self.optional_settings

    @property
    def consents(self) -> tuple[str, ...]:
        """Settings by which the user says yes to what is refused otherwise; the same for every vendor."""
        return (ACCEPT_ACCOUNT, ACCEPT_LOSS) if self.is_vendor else ()

    def variable(self, setting: str) -> str:
        """The environment variable of a setting, such as `SOURCES__JIRA__API_TOKEN`."""
        return f"SOURCES__{self.name.upper()}__{setting.upper()}"

    @property
    def schema(self) -> str:
        """The Postgres schema that the source lands in."""
        return f"raw_{self.name}"

    def build(self) -> Any:
        """Make the dlt source, importing what reads the vendor only now; no setting is needed yet."""
        return getattr(import_module(f"sources.{self.name}.resources"), self.name)()
