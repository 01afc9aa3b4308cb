"""The declaration of raw tables: names, keys and typed columns, and the hints that dlt needs to create and merge them.

Rules that hold for every raw table (rules 1.5 and 12.6): one vendor object is one row; the whole object is kept
beside the typed columns as `record`; a row whose `row_hash` is unchanged is not written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "bigint", "boolean", "timestamp", "date", "numeric", "double", "json"]
Record = Mapping[str, Any]

# numeric(38,18): twenty digits before the point, and every decimal that a JSON double can print for sums of money.
NUMERIC_PRECISION, NUMERIC_SCALE = 38, 18

_DLT_TYPES: dict[Kind, str] = {
    "text": "text",
    "bigint": "bigint",
    "boolean": "bool",
    "timestamp": "timestamp",
    "date": "date",
    "numeric": "decimal",
    "double": "double",
    "json": "json",
}


@dataclass(frozen=True)
class Column:
    """One typed column of a raw table.

    `path` is the dotted key in the vendor's object (empty: the column's own name). A record without a `required`
    column's value is quarantined.
    """

    name: str
    kind: Kind
    description: str
    path: str = ""
    required: bool = False


RECORD = Column("record", "json", "The whole object as the vendor sent it.")
ROW_HASH = Column("row_hash", "text", "Hash of the record and its added columns; an equal hash is not written again.")
LOADED_AT = Column("loaded_at", "timestamp", "Start of the run that last wrote the row, UTC.")
NOT_VISIBLE_SINCE = Column(
    "not_visible_since",
    "timestamp",
    "Start of the run from which on the vendor does not show it, without calling it deleted; UTC.",
)


@dataclass(frozen=True)
class Table:
    """A raw table: its name (also the resource's, the asset's and the dbt source table's), key and typed columns.

    `keeps_record` says whether the technical columns include `record`; `mirrors` says that a load hands over the whole
    table and that rows absent from it are removed.

    `identity` names columns that never change for one object, such as the repository of a pull request: two records
    with one key and different identities are two objects, of which the second is quarantined. Without it, records with
    one key are states of one object.

    `unseen` is SQL that is true of a row whose object is not visible; what is counted in a run's summary. A table with
    the column `not_visible_since` need not name it.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    keeps_record: bool = True
    mirrors: bool = False
    identity: tuple[str, ...] = ()
    unseen: str = ""

    def __post_init__(self) -> None:
        """Refuse a key that is no column and a column that is declared twice."""
        names = [column.name for column in self.columns]
        if missing := {*self.key, *self.identity} - set(names):
            raise ValueError(f"table {self.name}: key columns {sorted(missing)} are not declared")
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name}: a column is declared twice")

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The declared columns followed by the technical ones."""
        technical = (RECORD, ROW_HASH, LOADED_AT) if self.keeps_record else (ROW_HASH, LOADED_AT)
        return self.columns + technical

    @property
    def not_visible(self) -> str:
        """SQL that is true of a row whose object the vendor does not show; empty where rows have no such state."""
        if self.unseen or NOT_VISIBLE_SINCE not in self.columns:
            return self.unseen
        return f"{NOT_VISIBLE_SINCE.name} is not null"

    def is_required(self, column: Column) -> bool:
        """Whether a column is never null."""
        return column.name in self.key or column.required or column is ROW_HASH

    def dlt_columns(self) -> dict[str, dict[str, Any]]:
        """dlt's column hints: types and nullability.

        No descriptions: dlt shows them to nobody, but writes all of its schema out several times in every run.
        """
        hints: dict[str, dict[str, Any]] = {}
        for column in self.all_columns:
            hint: dict[str, Any] = {
                "name": column.name,
                "data_type": _DLT_TYPES[column.kind],
                "nullable": not self.is_required(column),
            }
            if self.key == (column.name,) and not self.mirrors:
                # Its index is what finds the few changed rows of a later run among all the others.
                hint["unique"] = True
            if column.kind == "numeric":
                hint |= {"precision": NUMERIC_PRECISION, "scale": NUMERIC_SCALE}
            hints[column.name] = hint
        return hints

    def dlt_hints(self) -> dict[str, Any]:
        """Arguments for `@dlt.resource`: an upsert by key that leaves rows of an equal `row_hash` untouched."""
        return {
            "name": self.name,
            "primary_key": list(self.key),
            "columns": self.dlt_columns(),
            "write_disposition": {
                "disposition": "merge",
                "strategy": "cdc" if self.mirrors else "upsert",
                "skip_unchanged_rows": True,
                "row_version_column_name": ROW_HASH.name,
            },
            "file_format": "csv",
        }


QUARANTINE = Table(
    name="quarantined_records",
    description="Records that the vendor sent and that did not fit their table, each with the reason.",
    key=("quarantine_id",),
    columns=(
        Column("quarantine_id", "text", "Hash of table, reason and record."),
        Column("table_name", "text", "The raw table that the record was meant for.", required=True),
        Column("native_id", "text", "The record's key as far as it could be read."),
        Column("reason", "text", "What does not fit, in one sentence.", required=True),
        Column("rejected_record", "text", "The record's JSON text, cut at 100,000 characters.", path="record"),
        Column("found_at", "timestamp", "Start of the run that first found it, UTC."),
    ),
    keeps_record=False,
)
