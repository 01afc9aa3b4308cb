"""Fills a ClickHouse engine with a dataset's mirror tables.

Each file `clickhouse/<database>.<table>.jsonl` becomes that table. A table whose file did not change is not
written, one whose file is absent is dropped; keys beyond the documented columns become columns too.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.dataset import Record, parse_lines
from sandbox.vendors.clickhouse import COLLECTIONS

TYPES: dict[str, dict[str, str]] = {
    "tempo.worklogs_flat": {
        "duration_seconds": "UInt32",
        "account_id": "String",
        "user_name": "String",
        "start_date": "Date32",
        "project_label": "String",
        "issue_key": "String",
    },
    "jira.jira_issues": dict.fromkeys(("issue_key", "issue_type", "priority", "project_label", "summary"), "String"),
    "cdm.jira_applications": {
        "application_id": "String",
        "customer_id": "String",
        "name": "String",
        "application_type": "String",
        "labels": "Array(String)",
        "currency": "String",
        "hourly_rate": "Nullable(Decimal(18, 4))",
        "base_amount": "Nullable(Decimal(18, 4))",
        "monthly_limit_hours": "Nullable(Decimal(18, 4))",
        "overtime_rate": "Nullable(Decimal(18, 4))",
        "monitoring_amount": "Nullable(Decimal(18, 4))",
        "min_billable_seconds": "Nullable(UInt32)",
        "calendar": "String",
        "start_date": "Nullable(Date32)",
        "end_date": "Nullable(Date32)",
    },
    "cdm.jira_customers": dict.fromkeys(("customer_id", "company_name", "tin", "swift", "signers", "client"), "String"),
    "cdm.jira_contacts": {
        **dict.fromkeys(("contact_id", "customer_id", "name", "email", "phone"), "String"),
        "is_billing": "Bool",
    },
}
"""Column types by table."""


def fill(folder: Path, dsn: str) -> dict[str, int]:
    """Make an engine's mirror tables equal to a dataset's files.

    Args:
        folder: the dataset folder.
        dsn: clickhouse-connect's DSN, `chdb:///folder` for the embedded engine.

    Returns:
        Rows by table, of the tables that were written.

    Raises:
        DatasetError: a line cannot be read.
        ValueError: a value does not fit its column; the text names the file and the value.
    """
    import clickhouse_connect

    client = clickhouse_connect.get_client(dsn=dsn)
    try:
        return {
            name: count
            for name in COLLECTIONS
            if (count := _fill_table(client, name, folder / "clickhouse")) is not None
        }
    finally:
        client.close()


def _fill_table(client: Any, name: str, folder: Path) -> int | None:
    """Write one table; return None if nothing had to be done."""
    database, _, table = name.partition(".")
    path = folder / f"{name}.jsonl"
    client.command(f"create database if not exists {database}")
    if not path.exists():
        client.command(f"drop table if exists {database}.{table}")
        return None
    content = path.read_bytes()
    records = parse_lines(content, path, COLLECTIONS[name])
    now = datetime.now(UTC)
    visible = [record for record in records if record.is_visible(now)]
    signature = hashlib.sha256(content + repr([record.key for record in visible]).encode()).hexdigest()
    known = client.query(
        "select comment from system.tables where database = {database:String} and name = {table:String}",
        parameters={"database": database, "table": table},
    ).result_rows
    if known and known[0][0] == signature:
        return None
    types = _types(name, visible)
    columns = ", ".join(f"`{column}` {kind}" for column, kind in types.items())
    key = next(iter(COLLECTIONS[name].split("+")))
    # Written next to the old table and then swapped, so that no reader sees half of it.
    client.command(f"drop table if exists {database}.`{table}.new`")
    client.command(
        f"create table {database}.`{table}.new` ({columns}) engine = MergeTree order by `{key}` comment '{signature}'"
    )
    rows = [[_value(path, kind, column, record) for column, kind in types.items()] for record in visible]
    if rows:
        client.insert(f"{database}.`{table}.new`", rows, column_names=list(types))
    client.command(f"drop table if exists {database}.`{table}`")
    client.command(f"rename table {database}.`{table}.new` to {database}.`{table}`")
    return len(rows)


def _types(name: str, records: list[Record]) -> dict[str, str]:
    types = dict(TYPES[name])
    for record in records:
        for key, value in record.value.items():
            if key not in types and value is not None:
                types[key] = _type_of(value)
    return types


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "Nullable(Bool)"
    if isinstance(value, int):
        return "Nullable(Int64)"
    if isinstance(value, float):
        return "Nullable(Float64)"
    return "Array(String)" if isinstance(value, list) else "Nullable(String)"


def _value(path: Path, kind: str, column: str, record: Record) -> Any:
    value = record.value.get(column)
    bare = kind.removeprefix("Nullable(").removesuffix(")") if kind.startswith("Nullable(") else kind
    try:
        if value is None:
            if kind.startswith("Nullable("):
                return None
            return {"String": "", "Bool": False, "Array(String)": []}[bare]
        if bare.startswith("Decimal"):
            return Decimal(str(value))
        if bare == "Date32":
            return date.fromisoformat(value)
        if bare == "Array(String)":
            return [str(item) for item in value]
        return str(value) if bare == "String" else value
    except (ValueError, ArithmeticError, TypeError, KeyError):
        raise ValueError(f"{path}: {column} of {record.key} cannot be {value!r}; the column is {kind}.") from None
