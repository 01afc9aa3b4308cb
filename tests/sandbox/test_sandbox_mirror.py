"""Filling an embedded ClickHouse with a mirror: types, unknown keys, changed and vanished files, bad values."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest

from sandbox.mirror import fill


def write(folder: Path, table: str, *rows: dict[str, Any]) -> None:
    path = folder / "clickhouse" / f"{table}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def query(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    client = clickhouse_connect.get_client(dsn=dsn)
    try:
        return [tuple(row) for row in client.query(sql).result_rows]
    finally:
        client.close()


WORKLOG = {
    "duration_seconds": 600,
    "account_id": "a",
    "user_name": "A",
    "start_date": "2026-03-01",
    "project_label": "L",
    "issue_key": "CON-1",
}


def test_files_become_tables(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path / 'engine'}"
    write(tmp_path, "tempo.worklogs_flat", WORKLOG, WORKLOG, {**WORKLOG, "worklog_id": 7, "version": 2})
    write(
        tmp_path,
        "cdm.jira_applications",
        {"application_id": "1", "labels": ["L"], "base_amount": "10.50", "start_date": "2026-01-01"},
    )
    assert fill(tmp_path, dsn) == {"tempo.worklogs_flat": 3, "cdm.jira_applications": 1}
    assert query(dsn, "select start_date, worklog_id from tempo.worklogs_flat order by worklog_id nulls last") == [
        (date(2026, 3, 1), 7),
        (date(2026, 3, 1), None),
        (date(2026, 3, 1), None),
    ]
    assert query(dsn, "select labels, base_amount, hourly_rate, name, end_date from cdm.jira_applications") == [
        (["L"], Decimal("10.5"), None, "", None)
    ]
    assert fill(tmp_path, dsn) == {}
    write(tmp_path, "tempo.worklogs_flat", WORKLOG, {**WORKLOG, "_sandbox": {"deleted_at": "2026-03-02"}})
    (tmp_path / "clickhouse" / "cdm.jira_applications.jsonl").unlink()
    assert fill(tmp_path, dsn) == {"tempo.worklogs_flat": 1}
    assert query(dsn, "select count() from system.tables where database = 'cdm'") == [(0,)]


def test_a_value_that_does_not_fit_is_named(tmp_path: Path) -> None:
    write(tmp_path, "tempo.worklogs_flat", {**WORKLOG, "start_date": "yesterday"})
    with pytest.raises(ValueError, match=r"tempo\.worklogs_flat\.jsonl: start_date of .* cannot be 'yesterday'"):
        fill(tmp_path, f"chdb://{tmp_path / 'engine'}")
