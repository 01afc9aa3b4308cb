"""Suites of expectations: sane rows pass, every damage is named, volume is held against history."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pytest
from psycopg import sql

from assets.expectations import (
    JUDGED,
    ROWS,
    SHAPE,
    VOLUME,
    evaluate,
    expectation_checks,
    least_rows,
    most_rows,
)
from assets.keys import expectations_name, raw_key, raw_schema
from assets.raw import READ, WRITTEN
from assets.suites.catalog import SUITES
from assets.suites.rules import Suite, filled, matches
from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from sources.catalog import SOURCES
from sources.kit.table import Column, Kind, Table
from sources.reference.schema import FILES

ROW_COUNT: Final = 20
TYPES: Final[Mapping[Kind, str]] = {
    "text": "text",
    "bigint": "bigint",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
    "numeric": "numeric(38, 18)",
    "double": "double precision",
    "json": "jsonb",
}
BY_KIND: Final[Mapping[Kind, Callable[[int], Any]]] = {
    "text": lambda n: f"word{n}",
    "bigint": lambda n: n + 1,
    "boolean": lambda n: n % 2 == 0,
    "timestamp": lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n),
    "date": lambda n: date(2026, 1, 1) + timedelta(days=n),
    "numeric": lambda n: n + 1,
    "double": lambda n: n + 0.5,
    "json": lambda _: "{}",
}


def _always(value: Any) -> Callable[[int], Any]:
    return lambda _: value


def _object_id(n: int) -> str:
    return f"{n:024x}"


def _number(n: int) -> str:
    return str(10_000 + n)


def _issue(n: int) -> str:
    return f"CON-{n}"


def _email(n: int) -> str:
    return f"person{n}@example.com"


# What a vendor would send, by "source.column" or "source.table.column"; other columns take a value of their kind.
SANE: Final[Mapping[str, Callable[[int], Any]]] = {
    **dict.fromkeys(
        (f"clockify.{name}" for name in ("id", "workspace_id", "user_id", "project_id", "task_id", "client_id")),
        _object_id,
    ),
    "clockify.currency_code": _always("EUR"),
    "clockify.hourly_rate_currency": _always("EUR"),
    "clockify.email": _email,
    "clockify.status": _always("ACTIVE"),
    "clockify.timezone": _always("Europe/Berlin"),
    "clockify.duration": _always("PT1H30M"),
    "clockify.type": _always("REGULAR"),
    **dict.fromkeys(
        (f"jira.{name}" for name in ("id", "project_id", "status_id", "issue_type_id", "parent_id", "issue_id")),
        _number,
    ),
    "jira.key": _issue,
    "jira.parent_key": _issue,
    "jira.project_key": _always("CON"),
    "jira.fields.id": lambda n: f"customfield_{n}",
    "jira.projects.key": lambda n: f"CON{n}",
    "jira.projects.state": _always("live"),
    "jira.issue_deletions.state": _always("deleted"),
    "jira.status_category": _always("done"),
    "jira.project_type": _always("software"),
    "jira.style": _always("classic"),
    "jira.account_type": _always("atlassian"),
    "jira.email": _email,
    "jira.timezone": _always("Europe/Berlin"),
    "tempo.start_time": _always("09:30:00"),
    "tempo.reason": _always("audit_log"),
    "tempo.status": _always("OPEN"),
    "tempo.category_type": _always("BILLABLE"),
    "github.full_name": lambda n: f"agency/repository-{n}",
    "github.sha": lambda n: f"{n:040x}",
    "github.merge_commit_sha": lambda n: f"{n:040x}",
    "github.author_email": _email,
    "github.committer_email": _email,
    "github.state": _always("MERGED"),
    "github.author_type": _always("User"),
    "plaid.institution_id": lambda n: f"ins_{n}",
    "plaid.error_code": _always("ITEM_LOGIN_REQUIRED"),
    "plaid.mask": lambda n: f"{n:04d}",
    "plaid.currency": _always("USD"),
    "plaid.iso_currency_code": _always("USD"),
    "plaid.type": _always("depository"),
    "plaid.category_primary": _always("GENERAL_SERVICES"),
    "plaid.payment_channel": _always("online"),
    "clickhouse.issue_key": _issue,
    "clickhouse.application_type": _always("TM"),
    "clickhouse.currency": _always("EUR"),
    "clickhouse.swift": _always("DEUTDEFF"),
    "clickhouse.email": _email,
    "claude_code.file_id": lambda n: f"{n:016x}",
    "claude_code.session_id": lambda n: f"00000000-0000-4000-8000-{n:012x}",
    "claude_code.speed": _always("standard"),
    "claude_code.service_tier": _always("standard"),
    "claude_code.kind": _always("other"),
    "claude_code.prompts.kind": _always("text"),
    "claude_code.ticket_key": _issue,
    "claude_code.origin": _always("prompt"),
}
FORMS: Final[Mapping[str, Any]] = {
    "currency": "EUR",
    "known_currency": "EUR",
    "email": "person@example.com",
    "timezone": "Europe/Berlin",
    "time_of_day": "09:00",
    "fraction": 0.19,
}

# Table, column, SQL of a damaged value, whether the vendor's shape is broken by it. One damage per column.
DAMAGES: Final[Mapping[str, tuple[tuple[str, str, str, bool], ...]]] = {
    "clockify": (
        ("users", "email", "'nobody'", True),
        ("users", "status", "'VANISHED'", False),
        ("clients", "currency_code", "'Euro'", False),
        ("projects", "hourly_rate_amount", "-1", False),
        ("time_entries", "duration", "'90 minutes'", True),
        ("time_entries", "end_time", "start_time - interval '1 minute'", False),
        ("tags", "id", "'6'", False),
    ),
    "jira": (
        ("issues", "key", "'con 76'", True),
        ("issues", "created_at", "timestamptz '1970-01-01'", False),
        ("issues", "story_points", "-3", False),
        ("transitions", "issue_id", "'CON-76'", True),
        ("users", "email", "'hidden'", True),
        ("projects", "state", "'asleep'", True),
    ),
    "tempo": (
        ("worklogs", "duration_seconds", "-60", True),
        ("worklogs", "start_time", "'9 am'", True),
        ("worklogs", "start_date", "date '2206-01-01'", False),
        ("worklog_deletions", "reason", "'tidied up'", True),
        ("accounts", "status", "'LOST'", True),
    ),
    "github": (
        ("commits", "sha", "'abc123'", True),
        ("commits", "additions", "-1", False),
        ("pull_requests", "state", "'HALF_OPEN'", True),
        ("pull_requests", "merged_at", "timestamptz '2001-01-01'", False),
        ("repositories", "full_name", "'no-owner'", True),
    ),
    "plaid": (
        ("accounts", "mask", "'1234567890'", True),
        ("accounts", "currency", "'dollars'", True),
        ("transactions", "account_id", "'two words'", True),
        ("transactions", "amount", "1e12", False),
        ("transactions", "date", "date '1969-07-20'", False),
    ),
    "clickhouse": (
        ("tempo_worklogs_flat", "duration_seconds", "-1", True),
        ("jira_issues", "issue_key", "'76'", True),
        ("cdm_applications", "application_type", "'GIFT'", True),
        ("cdm_applications", "monthly_limit_hours", "-1", False),
        ("cdm_contacts", "email", "'nobody'", False),
    ),
    "claude_code": (
        ("files", "read_offset", "size_bytes + 1", True),
        ("messages", "output_tokens", "-5", True),
        ("messages", "session_id", "'secret words of a person'", False),
        ("events", "kind", "'dream'", True),
        ("ticket_mentions", "ticket_key", "'con76'", True),
        ("prompts", "prompted_at", "timestamptz '1970-01-01'", False),
    ),
    "reference": (
        ("developers", "email", "'nobody'", True),
        ("client_terms", "currency", "'Euro'", True),
        ("business_calendars", "weekday", "8", True),
        ("contracts", "status", "'forgotten'", True),
        ("work_logs", "duration_minutes", "0", True),
        ("fx_rates", "date", "date '1899-12-31'", False),
    ),
}


def _sane(source: str, table: Table, column: Column, n: int) -> Any:
    if source == "reference":
        field = next(
            (one for file in FILES if file.name == table.name for one in file.fields if one.name == column.name), None
        )
        if field is not None:
            return (
                field.values[0]
                if field.values
                else FORMS.get(field.form) or (field.maximum and 1) or BY_KIND[column.kind](n)
            )
    make = (
        SANE.get(f"{source}.{table.name}.{column.name}") or SANE.get(f"{source}.{column.name}") or BY_KIND[column.kind]
    )
    return make(n)


def _fill(warehouse: Warehouse, suite: Suite) -> None:
    """Create a source's tables as a load would, and fill them with sane rows."""
    with warehouse.connect("loader") as connection:
        for table in suite.tables:
            columns = table.all_columns
            name = sql.Identifier(raw_schema(suite.source), table.name)
            declared = [sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(TYPES[one.kind])) for one in columns]
            connection.execute(sql.SQL("drop table if exists {}").format(name))
            connection.execute(sql.SQL("create table {} ({})").format(name, sql.SQL(", ").join(declared)))
            insert = sql.SQL("insert into {} values ({})").format(
                name, sql.SQL(", ").join([sql.Placeholder()] * len(columns))
            )
            rows = [[_sane(suite.source, table, one, n) for one in columns] for n in range(ROW_COUNT)]
            with connection.cursor() as cursor:
                cursor.executemany(insert, rows)


def _change(warehouse: Warehouse, statement: str) -> None:
    with warehouse.connect("loader") as connection:
        connection.execute(statement)


def _findings(result: dg.AssetCheckResult) -> Sequence[dg.TableRecord]:
    """The table in which a check says what it found."""
    findings = result.metadata["findings"]
    assert isinstance(findings, dg.TableMetadataValue)
    return findings.records


@dataclass
class World:
    """A warehouse and an instance, as they are after loads."""

    warehouse: Warehouse
    instance: dg.DagsterInstance
    asked: int = 0

    def dsn(self) -> str:
        self.asked += 1
        return self.warehouse.dsn("loader")

    def loaded(self, suite: Suite, version: str, written: int = ROW_COUNT, tables: tuple[str, ...] = ()) -> None:
        """Note a load in the instance, as `assets.raw` does."""
        for table in tables or suite.by_table:
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    raw_key(suite.source, table),
                    metadata={READ: written, WRITTEN: written},
                    tags={"dagster/data_version": version},
                )
            )

    def check(self, suite: Suite, docs: Path | None = None) -> dict[tuple[str, str], dg.AssetCheckResult]:
        """Evaluate all checks of a suite and note the results, as Dagster does."""
        selected = {
            dg.AssetCheckKey(raw_key(suite.source, table), name) for table in suite.by_table for name in (SHAPE, VOLUME)
        }
        results = list(evaluate(suite, self.instance, self.dsn, selected, docs))
        for one in results:
            assert one.asset_key is not None
            assert one.check_name is not None
            self.instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=one.asset_key,
                    check_name=one.check_name,
                    passed=bool(one.passed),
                    metadata=one.metadata,
                    severity=one.severity,
                    description=one.description,
                )
            )
        return {(str(one.asset_key.path[-1]), str(one.check_name)): one for one in results if one.asset_key}


@pytest.fixture
def world(warehouse: Warehouse) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(warehouse, instance)


SHOPS: Final = Table(
    "issues", "Issues of a made-up vendor.", ("id",), (Column("id", "text", "Id."), Column("name", "text", "Name."))
)
# A name of the model, because the loader may write into the model's schemas alone.
SHOP_SUITE: Final = Suite("jira", {SHOPS: (matches("id", "^[0-9]+$"), filled("name", severity="warning"))})
SHAPE_OF_SHOPS: Final = ("issues", SHAPE)
VOLUME_OF_SHOPS: Final = ("issues", VOLUME)


@pytest.fixture
def shops(world: World) -> World:
    """A made-up vendor with 20 shops, loaded once."""
    _shops(world, ROW_COUNT)
    world.loaded(SHOP_SUITE, "1")
    return world


def _shops(world: World, count: int) -> None:
    _change(world.warehouse, "drop table if exists raw_jira.issues")
    _change(
        world.warehouse,
        f"create table raw_jira.issues as select n::text as id, 'shop' as name from generate_series(1, {count}) as n",
    )


def test_every_source_has_a_suite_and_every_vendor_table_is_in_it() -> None:
    assert set(SUITES) == set(SOURCES) == set(DAMAGES)
    technical = {"quarantined_records", "unreadable_lines", "rejected_files", "currencies"}
    for name, spec in SOURCES.items():
        assert set(SUITES[name].by_table) == {table.name for table in spec.tables} - technical


def test_a_rule_on_a_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="issues has no column nmae"):
        Suite("jira", {SHOPS: (filled("nmae"),)})


def test_defining_the_checks_does_not_import_great_expectations() -> None:
    program = (
        "import sys\n"
        "import orchestration.graph.build\n"
        "from assets.expectations import expectation_checks\n"
        "from assets.suites.catalog import SUITES\n"
        "for suite in SUITES.values():\n"
        "    expectation_checks(suite, suite.source)\n"
        "assert 'great_expectations' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_FOLDER, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("source", SUITES)
def test_sane_rows_pass_and_every_damage_is_named(world: World, source: str) -> None:
    suite = SUITES[source]
    _fill(world.warehouse, suite)
    world.loaded(suite, "1")
    wrong = {key: one.description for key, one in world.check(suite).items() if not one.passed}
    assert wrong == {}

    for table, column, value, _ in DAMAGES[source]:
        _change(world.warehouse, f"update raw_{source}.{table} set {column} = {value}")
    damaged = {table for table, *_ in DAMAGES[source]}
    _change(
        world.warehouse, f"insert into raw_{source}.{min(damaged)} select * from raw_{source}.{min(damaged)} limit 1"
    )
    world.loaded(suite, "2")
    results = world.check(suite)

    named = {
        (table, column): record.data["severity"]
        for (table, name), one in results.items()
        if name == SHAPE and not one.passed
        for record in _findings(one)
        for column in str(record.data["column"]).split(", ")
    }
    for table, column, _, broken in DAMAGES[source]:
        assert named.get((table, column)) == ("critical" if broken else "warning"), (table, column)
        if broken:
            assert results[table, SHAPE].severity is dg.AssetCheckSeverity.ERROR
    key = next(table for table in suite.tables if table.name == min(damaged)).key
    assert {(min(damaged), column) for column in key} <= set(named), "a doubled row is not noticed"
    untouched = {table for table in suite.by_table if table not in damaged}
    assert all(results[table, SHAPE].passed for table in untouched)


def test_findings_say_column_rows_and_a_few_values(shops: World) -> None:
    _change(shops.warehouse, "update raw_jira.issues set id = 'shop ' || id where id::int <= 7")
    found = shops.check(SHOP_SUITE)[SHAPE_OF_SHOPS]
    (record,) = _findings(found)
    assert (record.data["column"], record.data["rows"], record.data["severity"]) == ("id", 7, "critical")
    assert len(str(record.data["samples"]).split(" | ")) == 5
    assert "id matches" in str(found.description)
    assert "7 of 20 rows" in str(found.description)


def test_implausible_rows_warn_and_do_not_break(shops: World) -> None:
    _change(shops.warehouse, "update raw_jira.issues set name = null where id = '3'")
    found = shops.check(SHOP_SUITE)[SHAPE_OF_SHOPS]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize("source", ["claude_code", "plaid", "reference"])
def test_private_values_are_counted_and_not_shown(world: World, source: str, tmp_path: Path) -> None:
    whole = SUITES[source]
    table, column, _, _ = next(one for one in DAMAGES[source] if one[1] in ("session_id", "account_id", "email"))
    (declared,) = (one for one in whole.tables if one.name == table)
    suite = Suite(source, {declared: whole.tables[declared]}, shows_values=whole.shows_values)
    _fill(world.warehouse, suite)
    _change(world.warehouse, f"update raw_{source}.{table} set {column} = 'words of a person'")
    world.loaded(suite, "1")
    found = world.check(suite, tmp_path)[table, SHAPE]
    assert not found.passed
    assert "words of a person" not in repr(found)
    pages = list(tmp_path.rglob("*.html"))
    assert pages
    assert not [page for page in pages if "words of a person" in page.read_text()]


def test_an_unchanged_table_is_not_looked_at_again_and_keeps_its_result(shops: World) -> None:
    _change(shops.warehouse, "update raw_jira.issues set id = 'x' where id = '1'")
    first = shops.check(SHOP_SUITE)
    assert shops.asked == 1
    second = shops.check(SHOP_SUITE)
    assert shops.asked == 1, "the warehouse was asked although nothing had landed"
    for key, result in second.items():
        assert (result.passed, result.severity) == (first[key].passed, first[key].severity)
        assert str(result.description).startswith("Nothing new has landed since the last check, which found: ")
    shops.loaded(SHOP_SUITE, "2", 1)
    shops.check(SHOP_SUITE)
    assert shops.asked == 2


def test_new_rules_are_applied_to_old_rows(shops: World) -> None:
    shops.check(SHOP_SUITE)
    stricter = Suite("jira", {SHOPS: (matches("name", "^SHOP$"),)})
    assert not shops.check(stricter)[SHAPE_OF_SHOPS].passed


def test_a_table_that_was_never_loaded_passes_and_says_so(world: World) -> None:
    _change(world.warehouse, "drop table if exists raw_jira.issues")
    found = world.check(SHOP_SUITE)
    assert all(one.passed for one in found.values())
    assert "Never loaded" in str(found[SHAPE_OF_SHOPS].description)
    assert world.asked == 0
    world.loaded(SHOP_SUITE, "1", 0)
    assert "does not exist" in str(world.check(SHOP_SUITE)[SHAPE_OF_SHOPS].description)


def test_without_history_any_volume_passes_and_says_so(shops: World) -> None:
    found = shops.check(SHOP_SUITE)[VOLUME_OF_SHOPS]
    assert found.passed
    assert "no earlier load" in str(found.description)
    assert found.metadata[ROWS] == dg.MetadataValue.int(ROW_COUNT)


def test_a_table_that_shrinks_sharply_warns(shops: World) -> None:
    _shops(shops, 1_000)
    shops.check(SHOP_SUITE)
    _shops(shops, 600)
    shops.loaded(SHOP_SUITE, "2")
    assert shops.check(SHOP_SUITE)[VOLUME_OF_SHOPS].passed
    _shops(shops, 300)
    shops.loaded(SHOP_SUITE, "3")
    found = shops.check(SHOP_SUITE)[VOLUME_OF_SHOPS]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "shrunk: 300 rows" in str(found.description)


def test_a_load_of_ten_times_the_usual_warns_even_if_a_small_one_follows(shops: World) -> None:
    for version, written in enumerate((200, 150, 180), start=2):
        shops.loaded(SHOP_SUITE, str(version), written)
    assert shops.check(SHOP_SUITE)[VOLUME_OF_SHOPS].passed
    shops.loaded(SHOP_SUITE, "8", 50_000)
    shops.loaded(SHOP_SUITE, "9", 160)
    found = shops.check(SHOP_SUITE)[VOLUME_OF_SHOPS]
    assert not found.passed
    assert "50,000 rows" in str(found.description)


def test_bounds_of_volume() -> None:
    assert (least_rows([]), least_rows([12]), least_rows([100, 200, 300])) == (0, 0, 100)
    assert (most_rows([]), most_rows([3, 5, 4]), most_rows([500, 400, 600])) == (None, 1_000, 5_000)


def test_the_checks_run_in_dagster_on_their_raw_assets_and_can_be_chosen_one_by_one(shops: World) -> None:
    class Lent:
        def destination(self) -> str:
            return shops.dsn()

    definitions = dg.Definitions(
        assets=[dg.AssetSpec(raw_key("jira", "issues"))],
        asset_checks=[expectation_checks(SHOP_SUITE, "The vendor")],
        resources={"landing": Lent()},
        jobs=[
            dg.define_asset_job("volume", dg.AssetSelection.checks(dg.AssetCheckKey(raw_key("jira", "issues"), VOLUME)))
        ],
    )
    job = definitions.resolve_job_def("volume")
    result = job.execute_in_process(instance=shops.instance)
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.check_name, evaluation.passed) == (VOLUME, True)
    assert evaluation.metadata[JUDGED].value
    assert [one.name for one in job.graph.nodes] == [expectations_name("jira")]
