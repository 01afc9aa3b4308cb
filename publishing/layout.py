"""How a relation is laid out in ClickHouse: sorted by what questions filter by, and cut into days where it is large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from publishing.columns import Column

SCHEMAS: Final = ("marts", "reports")
"""What is published; never `private`."""
COMPUTED_WHEN_ASKED: Final = frozenset({("reports", "session_activity_buckets")})
"""Views that Postgres computes for the sessions and the width that a query names, and that nobody reads whole."""
LARGE_ROWS: Final = 1_000_000
"""From this number of rows on, only the days of a table that have changed are moved."""

# The day of a row: the first of these columns that its relation has.
_DAYS: Final = (
    "local_date",
    "date",
    "answered_at",
    "bucket_start",
    "session_start",
    "first_line_at",
    "transitioned_at",
    "opened_date",
    "invoice_month",
    "month",
)
# What questions filter and join by besides, in the order in which rows are sorted within a day.
_FILTERS: Final = ("client_id", "developer_id", "session_id", "project_id", "contract_id", "issue_id", "id")


@dataclass(frozen=True)
class Day:
    """The date of a row; null where its column is.

    Attributes:
        column: the column that it comes from.
        postgres: SQL of Postgres.
        clickhouse: SQL of ClickHouse.
    """

    column: str
    postgres: str
    clickhouse: str


def day_of(columns: Sequence[Column]) -> Day | None:
    """Return the day of a relation's rows; None if nothing says when they were."""
    types = {column.name: column.data_type for column in columns}
    for name in _DAYS:
        if types.get(name) == "date":
            return Day(name, f'"{name}"', f"`{name}`")
        if types.get(name) == "timestamp with time zone":
            return Day(name, f"(\"{name}\" at time zone 'UTC')::date", f"toDate32(`{name}`)")
    return None


def sorting(columns: Sequence[Column]) -> list[str]:
    """Return the columns and expressions by which ClickHouse sorts: the day, then who and what, then the instant."""
    names = {column.name for column in columns}
    day = day_of(columns)
    order = [day.clickhouse] if day else []
    order += [f"`{name}`" for name in _FILTERS if name in names]
    if day and day.clickhouse != f"`{day.column}`":
        order.append(f"`{day.column}`")
    return order
