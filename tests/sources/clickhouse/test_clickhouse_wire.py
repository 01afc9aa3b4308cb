"""The mirror source over ClickHouse's HTTP protocol, with the ordinary client: the same rows, and no silent loss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest

from orchestration.warehouse.connection import Warehouse
from sources.catalog import SOURCES
from sources.kit import destination
from sources.kit.errors import readable
from tests.sources.clickhouse.wire import WireServer


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WireServer]:
    """Two thousand worklogs over a hundred days behind a port; pauses take no time."""
    monkeypatch.setattr("sources.clickhouse.client.pause", lambda _: None)
    server = WireServer(tmp_path / "engine")
    server.do("create database tempo")
    server.do(
        "create table tempo.worklogs_flat engine = MergeTree order by start_date as select "
        "toUInt32(60 * (1 + number % 90)) as duration_seconds, concat('account-', toString(number % 5)) as account_id, "
        "'Person' as user_name, toDate('2026-01-01') + number % 100 as start_date, 'LABEL' as project_label, "
        "concat('CON-', toString(number % 37)) as issue_key from numbers(2000)"
    )
    yield server
    server.close()


def run(wire: WireServer, warehouse: Warehouse, folder: Path, password: str = "a-password-of-ours") -> None:
    dlt.secrets["sources.clickhouse.dsn"] = f"clickhouse://reader:{password}@{wire.address}/"
    pipeline = destination.pipeline("clickhouse", warehouse.dsn("loader"), "raw_clickhouse", folder / "pipelines")
    pipeline.run(SOURCES["clickhouse"].build().with_resources("tempo_worklogs_flat", "quarantined_records"))


def landed(warehouse: Warehouse) -> tuple[Any, ...]:
    with warehouse.connect("loader") as connection:
        row = connection.execute(
            "select count(*), count(distinct row_id), sum(duration_seconds), count(*) filter (where is_deleted) "
            "from raw_clickhouse.tempo_worklogs_flat"
        ).fetchone()
        assert row is not None
        return row


def test_rows_arrive_and_values_are_bound(wire: WireServer, fresh_database: Warehouse, tmp_path: Path) -> None:
    run(wire, fresh_database, tmp_path)
    total = int(str(wire.do("select sum(duration_seconds) from tempo.worklogs_flat")))
    assert landed(fresh_database) == (2000, 2000, total, 0)
    assert not any("2026-01-01" in query for query in wire.queries)
    before = len(wire.queries)
    run(wire, fresh_database, tmp_path)
    assert not any("Array(String)" in query for query in wire.queries[before:])


@pytest.mark.parametrize("fault", ["cut", "in band", 503, 500])
def test_a_passing_fault_loses_no_row(
    wire: WireServer, fresh_database: Warehouse, tmp_path: Path, fault: int | str
) -> None:
    wire.faults = [fault]
    run(wire, fresh_database, tmp_path)
    assert wire.faults == []
    assert landed(fresh_database)[:2] == (2000, 2000)


def test_giving_up_leaves_everything_as_it_was(wire: WireServer, fresh_database: Warehouse, tmp_path: Path) -> None:
    run(wire, fresh_database, tmp_path)
    going = int(str(wire.do("select count() from tempo.worklogs_flat where issue_key = 'CON-1'")))
    wire.do("alter table tempo.worklogs_flat delete where issue_key = 'CON-1' settings mutations_sync = 2")
    wire.faults = ["in band"] * 3
    with pytest.raises(Exception, match="step=extract") as failure:
        run(wire, fresh_database, tmp_path)
    sentence = readable(failure.value) or ""
    assert sentence.startswith(f"clickhouse: reading tempo.worklogs_flat at {wire.address} failed (")
    assert "a-password-of-ours" not in str(failure.value)
    assert landed(fresh_database)[3] == 0
    wire.faults = []
    run(wire, fresh_database, tmp_path)
    assert landed(fresh_database)[3] == going > 0


def test_refused_credentials_name_the_setting(wire: WireServer, fresh_database: Warehouse, tmp_path: Path) -> None:
    wire.refuses = True
    with pytest.raises(Exception, match="step=extract") as failure:
        run(wire, fresh_database, tmp_path)
    assert "was refused" in (readable(failure.value) or "")
    assert (readable(failure.value) or "").endswith("check CLICKHOUSE_DSN")
    assert "a-password-of-ours" not in str(failure.value)
