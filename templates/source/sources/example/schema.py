"""The raw tables of Example and its SPEC: names, keys, typed columns, settings, owner and schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sources.kit.spec import SourceSpec
from sources.kit.table import QUARANTINE, Column, Table

THINGS: Final = Table(
    name="things",
    description="Things, one row each.",
    key=("id",),
    columns=(
        Column("id", "text", "Example's id of the thing."),
        Column("name", "text", "Name.", required=True),
        Column("owner_email", "text", "E-mail of the owner.", path="owner.email"),
        Column("created_at", "timestamp", "When it was created, UTC."),
    ),
)

TABLES: Final = (THINGS,)

SPEC: Final = SourceSpec(
    name="example",
    title="Example",
    tables=(*TABLES, QUARANTINE),
    owner="team:delivery",
    cron="25 * * * *",
    fresh_within=timedelta(hours=3),
    required_settings=("api_token",),
    optional_settings=("base_url",),
    probe="things",
)
