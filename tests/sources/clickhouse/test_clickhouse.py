"""The mirror source against the embedded engine: versions, late rows, edits, deletions, equal rows, failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import clickhouse_connect
import dlt
import pytest

from orchestration.warehouse.connection import Warehouse
from sources.catalog import SOURCES
from sources.clickhouse.client import MirrorReader
from sources.kit import destination
from sources.kit.errors import SourceError, readable

WORKLOG_COLUMNS = ["duration_seconds", "account_id", "user_name", "start_date", "project_label", "issue_key"]


class World:
    """An embedded engine with the seed's tables, and the source's pipeline."""

    def __init__(self, folder: Path, warehouse: Warehouse) -> None:
        self.dsn = f"chdb://{folder / 'clickhouse'}"
        self.warehouse = warehouse
        self.folder = folder
        self.settings: dict[str, str] = {}

    @contextmanager
    def client(self) -> Iterator[Any]:
        client = clickhouse_connect.get_client(dsn=self.dsn)
        try:
            yield client
        finally:
            client.close()

    def do(self, *statements: str) -> None:
        with self.client() as client:
            for statement in statements:
                client.command(statement)

    def insert(self, table: str, rows: list[list[Any]], columns: list[str]) -> None:
        with self.client() as client:
            client.insert(table, rows, column_names=columns)

    def run(self) -> dict[str, int]:
        """Run the source; rows handed over by table."""
        dlt.secrets["sources.clickhouse.dsn"] = self.dsn
        dlt.config["sources.clickhouse.accept_loss"] = self.settings.get("accept_loss", "")
        pipeline = destination.pipeline(
            "clickhouse", self.warehouse.dsn("loader"), "raw_clickhouse", self.folder / "pipelines"
        )
        pipeline.run(SOURCES["clickhouse"].build())
        assert pipeline.last_trace is not None
        assert pipeline.last_trace.last_extract_info is not None
        counts: dict[str, int] = {}
        for steps in pipeline.last_trace.last_extract_info.metrics.values():
            for step in steps:
                for table, metrics in step["table_metrics"].items():
                    counts[table] = counts.get(table, 0) + metrics.items_count
        return counts

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect("loader") as connection:
            return connection.execute(sql).fetchall()

    def worklogs(self, *, deleted: bool = False) -> list[tuple[Any, ...]]:
        return self.query(
            f"select {', '.join(WORKLOG_COLUMNS)} from raw_clickhouse.tempo_worklogs_flat "
            f"where is_deleted = {deleted} order by start_date, account_id, issue_key, duration_seconds"
        )

    def truth(self, table: str = "tempo.worklogs_flat") -> list[tuple[Any, ...]]:
        order = "order by start_date, account_id, issue_key, duration_seconds"
        with self.client() as client:
            return [
                tuple(row)
                for row in client.query(f"select {', '.join(WORKLOG_COLUMNS)} from {table} {order}").result_rows
            ]

    def versions(self) -> list[tuple[Any, ...]]:
        return sorted(self.query("select row_id, xmin::text from raw_clickhouse.tempo_worklogs_flat"))


@pytest.fixture
def world(tmp_path: Path, fresh_database: Warehouse) -> World:
    """Forty days of worklogs by three people, equal rows among them, and the tables beside."""
    world = World(tmp_path, fresh_database)
    world.do(
        "create database tempo",
        "create database jira",
        "create database cdm",
        "create table tempo.worklogs_flat (duration_seconds UInt32, account_id String, user_name String, "
        "start_date Date, project_label String, issue_key String) engine = MergeTree order by (start_date, account_id)",
        "create table jira.jira_issues (issue_key String, issue_type LowCardinality(String), "
        "priority Nullable(String), project_label String, summary String, synced_at DateTime) "
        "engine = ReplacingMergeTree(synced_at) order by issue_key",
        "create table cdm.jira_applications (application_id UInt32, customer_id UInt32, name String, "
        "application_type Enum8('SUP' = 1, 'TM' = 2, 'FIX' = 3), labels Array(String), currency String, "
        "hourly_rate Nullable(Decimal(10, 2)), base_amount Nullable(Decimal(12, 2)), "
        "monthly_limit_hours Nullable(Float64), overtime_rate Nullable(Decimal(10, 2)), "
        "monitoring_amount Nullable(Decimal(10, 2)), "
        "min_billable_seconds UInt32 default 1800, calendar String, start_date Date, end_date Nullable(Date)) "
        "engine = MergeTree order by application_id",
        "create table cdm.jira_customers (customer_id UInt32, company_name String, tin String, swift String, "
        "signers String, client String) engine = MergeTree order by customer_id",
        "create table cdm.jira_contacts (contact_id UInt32, customer_id UInt32, name String, email String, "
        "phone String, is_billing UInt8) engine = MergeTree order by contact_id",
    )
    rows = [
        [
            600 * (1 + day % 4),
            f"account-{person}",
            f"Person {person}",
            date(2026, 3, 1) + timedelta(days=day),
            "LABEL",
            f"CON-{day % 7}",
        ]
        for day in range(40)
        for person in range(3)
    ]
    # Three equal rows: somebody logged the same ten minutes three times.
    rows += [[600, "account-0", "Person 0", date(2026, 3, 5), "LABEL", "CON-99"] for _ in range(3)]
    world.insert("tempo.worklogs_flat", rows, WORKLOG_COLUMNS)
    world.insert(
        "jira.jira_issues",
        [
            [f"CON-{i}", "Bug", "P1" if i else None, "LABEL", f"Summary {i}", datetime(2026, 1, 1, tzinfo=UTC)]
            for i in range(50)
        ],
        ["issue_key", "issue_type", "priority", "project_label", "summary", "synced_at"],
    )
    world.do(
        "insert into cdm.jira_applications values (7, 3, 'Care', 'SUP', ['LABEL', 'Other'], 'USD', null, 1500.5, 40, "
        "99.95, null, 1800, '', '2026-01-01', null)",
        "insert into cdm.jira_customers values (3, 'Acme Inc', '123', 'SWIFT', 'A. Person', 'Acme')",
        "insert into cdm.jira_contacts values (1, 3, 'B. Person', 'b@example.com', '', 1)",
    )
    return world


def test_the_mirror_lands_typed(world: World) -> None:
    world.run()
    assert world.worklogs() == world.truth()
    assert world.query(
        "select ordinal from raw_clickhouse.tempo_worklogs_flat where issue_key = 'CON-99' order by 1"
    ) == [
        (1,),
        (2,),
        (3,),
    ]
    assert world.query("select count(*), count(priority) from raw_clickhouse.jira_issues") == [(50, 49)]
    assert world.query(
        "select application_id, customer_id, application_type, labels, hourly_rate, base_amount, monthly_limit_hours, "
        "min_billable_seconds, calendar, start_date, end_date from raw_clickhouse.cdm_applications"
    ) == [
        ("7", "3", "SUP", ["LABEL", "Other"], None, Decimal("1500.5"), Decimal(40), 1800, None, date(2026, 1, 1), None)
    ]
    assert world.query("select contact_id, is_billing, phone from raw_clickhouse.cdm_contacts") == [("1", True, None)]


def test_an_unchanged_mirror_sends_no_row(world: World) -> None:
    world.run()
    before = world.versions()
    assert not world.run().keys() & {"tempo_worklogs_flat", "jira_issues", "cdm_applications", "cdm_customers"}
    assert world.versions() == before


def test_changes_of_every_kind_are_found_and_only_they_are_written(world: World) -> None:
    world.run()
    before = {row[0] for row in world.versions()}
    versions = set(world.versions())
    world.do(
        # edited, moved to another day, deleted, one of three equal rows deleted (rewritten as two), re-labelled
        "alter table tempo.worklogs_flat update duration_seconds = 4242 where start_date = '2026-03-02' "
        "and account_id = 'account-0' settings mutations_sync = 2",
        "alter table tempo.worklogs_flat delete where start_date in ('2026-03-03', '2026-03-20') "
        "and account_id = 'account-1' settings mutations_sync = 2",
        "alter table tempo.worklogs_flat delete where issue_key = 'CON-99' settings mutations_sync = 2",
        "alter table tempo.worklogs_flat delete where start_date = '2026-04-09' settings mutations_sync = 2",
        "alter table tempo.worklogs_flat update project_label = 'OTHER' where start_date = '2026-03-10' "
        "settings mutations_sync = 2",
    )
    world.insert(
        "tempo.worklogs_flat",
        [
            [600, "account-0", "Person 0", date(2026, 3, 5), "LABEL", "CON-99"],
            [600, "account-0", "Person 0", date(2026, 3, 5), "LABEL", "CON-99"],
            [60, "account-9", "New", date(2026, 5, 1), "LABEL", "CON-1"],
            [61, "account-9", "New", date(2025, 1, 1), "LABEL", "CON-1"],
            [62, "account-9", "New", date(2027, 1, 1), "LABEL", "CON-1"],
            [600, "account-1", "Person 1", date(2026, 3, 21), "LABEL", "CON-moved"],
        ],
        WORKLOG_COLUMNS,
    )
    world.insert(
        "jira.jira_issues",
        [["CON-3", "Incident", "P2", "LABEL", "Renamed", datetime(2026, 2, 1, tzinfo=UTC)]],
        ["issue_key", "issue_type", "priority", "project_label", "summary", "synced_at"],
    )
    world.do(
        "alter table cdm.jira_applications update base_amount = 1600 where 1 settings mutations_sync = 2",
        "alter table cdm.jira_contacts delete where 1 settings mutations_sync = 2",
        "insert into cdm.jira_contacts values (2, 3, 'C. Person', 'c@example.com', '1', 0)",
    )
    world.run()
    assert world.worklogs() == world.truth()
    gone = world.worklogs(deleted=True)
    # edited 1, deleted 2, third of the equal ones 1, a whole day 3, re-labelled 3
    assert len(gone) == 1 + 2 + 1 + 3 + 3
    assert world.query(
        "select count(*) from raw_clickhouse.tempo_worklogs_flat where is_deleted and deleted_at is null"
    ) == [(0,)]
    written = {row[0] for row in set(world.versions()) - versions}
    assert len(written & before) == len(gone)
    assert world.query("select issue_type, summary from raw_clickhouse.jira_issues where issue_key = 'CON-3'") == [
        ("Incident", "Renamed")
    ]
    assert world.query("select count(*) from raw_clickhouse.jira_issues where is_deleted") == [(0,)]
    assert world.query("select base_amount from raw_clickhouse.cdm_applications") == [(Decimal(1600),)]
    # The pipeline is the record of contacts: one that the mirror lacks is not visible.
    assert world.query(
        "select contact_id, is_deleted, not_visible_since is not null, is_billing from raw_clickhouse.cdm_contacts "
        "order by 1"
    ) == [("1", False, True, True), ("2", False, False, False)]


def test_a_sync_that_only_moves_the_version_on_writes_nothing(world: World) -> None:
    world.run()
    before = world.query("select issue_key, xmin::text from raw_clickhouse.jira_issues order by 1")
    world.do("insert into jira.jira_issues select * replace (now() as synced_at) from jira.jira_issues final")
    world.run()
    assert world.query("select issue_key, xmin::text from raw_clickhouse.jira_issues order by 1") == before


def test_with_ids_and_versions_the_newest_version_of_a_row_counts_wherever_it_moved(world: World) -> None:
    world.do(
        "drop table tempo.worklogs_flat",
        "create table tempo.worklogs_flat (worklog_id UInt64, duration_seconds UInt32, account_id String, "
        "user_name String, start_date Date, project_label String, issue_key String, version UInt64, is_deleted UInt8) "
        "engine = ReplacingMergeTree(version) order by (start_date, worklog_id)",
    )
    columns = ["worklog_id", *WORKLOG_COLUMNS, "version", "is_deleted"]

    def row(number: int, day: int, version: int, deleted: int = 0) -> list[Any]:
        return [number, 600, "account-1", "P", date(2026, 3, day), "LABEL", "CON-1", version, deleted]

    world.insert("tempo.worklogs_flat", [row(1, 1, 1), row(2, 2, 1), row(3, 3, 1)], columns)
    world.run()
    world.insert("tempo.worklogs_flat", [row(1, 9, 2), row(2, 2, 2, deleted=1), row(3, 3, 0)], columns)
    world.run()
    assert world.query(
        "select row_id, worklog_id, extract(day from start_date)::int, is_deleted "
        "from raw_clickhouse.tempo_worklogs_flat order by 1"
    ) == [("1", "1", 9, False), ("2", "2", 2, True), ("3", "3", 3, False)]


def test_a_row_that_does_not_fit_is_set_aside_and_is_not_deleted(world: World) -> None:
    world.run()
    world.do(
        "alter table cdm.jira_applications modify column base_amount Nullable(String)",
        "alter table cdm.jira_applications update base_amount = 'a lot' where 1 settings mutations_sync = 2",
    )
    world.run()
    assert world.query("select base_amount, is_deleted from raw_clickhouse.cdm_applications") == [
        (Decimal("1500.5"), False)
    ]
    assert world.query("select native_id, reason from raw_clickhouse.quarantined_records") == [
        ("7", 'base_amount is no numeric: "a lot"')
    ]


def test_an_emptied_table_is_refused_and_nothing_is_marked(world: World) -> None:
    world.run()
    world.do("truncate table tempo.worklogs_flat")
    with pytest.raises(Exception, match="step=extract") as failure:
        world.run()
    assert "123 of 123 rows of tempo.worklogs_flat are no longer shown" in (readable(failure.value) or "")
    assert world.worklogs(deleted=True) == []


def test_what_the_mirror_lacks_of_the_pipeline_is_not_visible(world: World) -> None:
    world.do(
        "insert into cdm.jira_applications select number + 10, 3, 'More', 'TM', [], 'USD', 80, null, null, null, null, "
        "1800, '', '2026-01-01', null from numbers(9)"
    )
    world.run()
    state = (
        "select application_id, is_deleted, not_visible_since is not null from raw_clickhouse.cdm_applications "
        "where is_deleted or not_visible_since is not null order by 1"
    )
    world.do(
        "create table cdm.kept engine = MergeTree order by application_id as select * from cdm.jira_applications",
        "alter table cdm.jira_applications delete where application_id in (7, 10) settings mutations_sync = 2",
    )
    world.run()
    assert world.query(state) == [("10", False, True), ("7", False, True)]
    world.do("truncate table cdm.jira_applications")
    with pytest.raises(Exception, match="step=extract") as failure:
        world.run()
    told = readable(failure.value) or ""
    assert "8 of 8 rows of cdm.jira_applications are no longer shown" in told
    assert "check the pipeline that fills the mirror" in told
    world.do("insert into cdm.jira_applications select * from cdm.kept where application_id != 7")
    world.run()
    assert world.query(state) == [("7", False, True)]
    world.settings = {"accept_loss": datetime.now(UTC).date().isoformat()}
    world.run()
    assert world.query(state) == [("7", True, False)]


def test_rows_of_a_day_that_is_just_being_filled_are_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.run()
    day = date(2026, 3, 20)
    rows = [row for row in world.truth() if row[3] == day]
    world.do("alter table tempo.worklogs_flat delete where start_date = '2026-03-20' settings mutations_sync = 2")
    look, looks = MirrorReader.windows, []

    def windows(reader: MirrorReader, mirror: Any, shape: Any) -> Any:
        if mirror.name == "worklogs_flat":
            looks.append(mirror)
            if len(looks) == 2:
                reader._client.insert("tempo.worklogs_flat", rows, column_names=WORKLOG_COLUMNS)
        return look(reader, mirror, shape)

    monkeypatch.setattr(MirrorReader, "windows", windows)
    world.run()
    assert len(looks) == 2
    assert world.worklogs(deleted=True) == []
    assert world.worklogs() == world.truth()
    world.do("alter table tempo.worklogs_flat delete where start_date = '2026-03-20' settings mutations_sync = 2")
    world.run()
    assert len(world.worklogs(deleted=True)) == len(rows)
    assert world.worklogs() == world.truth()


def test_absent_tables_are_empty_ones_and_a_table_that_vanishes_stays(world: World) -> None:
    world.do("drop table cdm.jira_contacts")
    world.run()
    assert world.query("select count(*) from raw_clickhouse.cdm_contacts") == [(0,)]
    world.do("drop table jira.jira_issues")
    world.run()
    assert world.query("select count(*) from raw_clickhouse.jira_issues where not is_deleted") == [(50,)]


def test_a_column_without_which_nothing_has_meaning_is_named(world: World) -> None:
    world.do("alter table tempo.worklogs_flat rename column duration_seconds to seconds")
    with pytest.raises(Exception, match="step=extract") as failure:
        world.run()
    assert "tempo.worklogs_flat has no column duration_seconds" in (readable(failure.value) or "")


def test_a_query_that_takes_too_long_says_which_setting_helps(world: World) -> None:
    reader = MirrorReader(world.dsn, timeout_seconds=1)
    try:
        with pytest.raises(SourceError, match=r"took longer than 1 s; .* CLICKHOUSE_QUERY_TIMEOUT_SECONDS"):
            reader._query("select count() from numbers(100000000000) where sipHash64(number) = 1", {}, "counting")
    finally:
        reader.close()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(SourceError) as failure:
        MirrorReader("clickhouse://user:very-secret@127.0.0.1:9/", timeout_seconds=1)
    assert "127.0.0.1:9" in str(failure.value)
    assert "very-secret" not in str(failure.value)


def test_however_long_the_history_one_query_brings_a_bounded_number_of_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    read = MirrorReader.rows

    def counted(*arguments: Any) -> list[dict[str, Any]]:
        rows = read(*arguments)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr("sources.clickhouse.resources._ROWS_PER_QUERY", 6)
    monkeypatch.setattr(MirrorReader, "rows", counted)
    world.run()
    assert world.worklogs() == world.truth()
    assert len(sizes) > len(world.truth()) / 6
    assert max(sizes) <= 6


def test_another_server_is_refused_before_it_is_asked(world: World) -> None:
    world.run()
    world.dsn = "clickhouse://user:topsecret@127.0.0.1:1/"
    with pytest.raises(Exception, match="step=extract") as failure:
        world.run()
    told = readable(failure.value) or ""
    assert "that of server embedded-engine, but the settings lead to 127.0.0.1, so nothing was loaded" in told
