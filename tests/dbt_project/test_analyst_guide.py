"""The analyst guide: every query runs as it is, as role analyst, and in ClickHouse; what else that role can read."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.contracts.graph.manifest import Manifest
from psycopg import sql

from orchestration.graph.clickhouse_marts import published_relations
from orchestration.warehouse.roles import Role
from publishing.layout import COMPUTED_WHEN_ASKED
from tests.dbt_project.conftest import PROJECT_FOLDER, DbtProject
from tests.dbt_project.small_agency import PERSONAL_MONEY, SESSION_TEXT, TOKEN, raw_tables
from tests.publishing.dialect import SETTINGS, for_clickhouse
from tests.publishing.worlds import World, opened, outcomes

GUIDE = (PROJECT_FOLDER.parent / "docs" / "analyst_guide.md").read_text()
# A heading asks, the block below it answers.
QUERIES = re.findall(r"^### (.+?)$.*?^```sql\n(.+?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def analyst(dbt_project: DbtProject) -> Iterator[psycopg.Connection[Any]]:
    dbt_project.load(raw_tables(datetime.now(UTC).date()))
    dbt_project.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
    )
    with dbt_project.warehouse.connect("analyst") as connection:
        yield connection


def test_reconciliations_hold(dbt_project: DbtProject, analyst: psycopg.Connection[Any]) -> None:
    statuses = dbt_project.dbt("test", "--select", "test_type:singular")

    assert set(statuses.values()) == {"pass"}


def test_guide_asks_what_an_agency_asks() -> None:
    assert len(QUERIES) >= 45
    assert len(QUERIES) == GUIDE.count("```sql")


# The small agency has issued no invoice; tests/dbt_project/money/test_receivables.py has some.
WITHOUT_INVOICES = {
    "What changed after it was invoiced, and is on no bill yet?",
    "Who owes how much, and since when?",
    "What was open on any day, and what did we know of it then?",
    "How many days of sales are unpaid?",
    "Which deposits wait for a decision, and why?",
    "Which invoices are to be reminded of?",
}


@pytest.mark.parametrize(("question", "query"), QUERIES, ids=[question for question, _ in QUERIES])
def test_query_finds_something(analyst: psycopg.Connection[Any], question: str, query: str) -> None:
    assert bool(analyst.execute(query).fetchall()) is (question not in WITHOUT_INVOICES)


READABLE = {
    # Of schema billing only some tables; tests/invoicing/test_schema.py names them.
    "analyst": {"marts", "reports", "billing"},
    "finance": {"marts", "reports", "private", "billing"},
}
# What a role must not see in anything that it reads, beyond the layers shut to it.
HIDDEN = {"analyst": (SESSION_TEXT, PERSONAL_MONEY, TOKEN), "finance": (TOKEN,)}


def _relations(dbt_project: DbtProject) -> list[tuple[str, str]]:
    rows = dbt_project.rows(
        "select schemas.nspname as schema_name, relations.relname as name from pg_class as relations "
        "inner join pg_namespace as schemas on relations.relnamespace = schemas.oid "
        "where relations.relkind in ('r', 'v', 'm', 'p', 'f') "
        "and schemas.nspname not in ('pg_catalog', 'pg_toast', 'information_schema') order by 1, 2"
    )
    return [(row["schema_name"], row["name"]) for row in rows]


@pytest.mark.parametrize("role", ["analyst", "finance"])
def test_a_role_reads_its_tables_and_nothing_hidden_in_them(
    dbt_project: DbtProject, analyst: psycopg.Connection[Any], role: Role
) -> None:
    """Every table and view of every schema is tried; what can be read is searched, each column of each row."""
    read, refused = set(), set()
    leaks: list[tuple[str, ...]] = []
    with dbt_project.warehouse.connect(role) as connection:
        for schema, name in _relations(dbt_project):
            relation = sql.Identifier(schema, name)
            try:
                # Widths of buckets multiply the rows of this one view; one width holds every session.
                condition = sql.SQL("where width_minutes = 60" if name == "session_activity_buckets" else "")
                rows = connection.execute(
                    sql.SQL("select t::text from {} as t {}").format(relation, condition)
                ).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                refused.add((schema, name))
                continue
            read.add((schema, name))
            leaks += [(schema, name, marker) for marker in HIDDEN[role] if any(marker in row for (row,) in rows)]
        # The planner's samples of columns are readable too, to whoever reads the columns.
        samples = connection.execute("select s::text from pg_stats as s").fetchall()
        leaks += [("pg_stats", marker) for marker in HIDDEN[role] if any(marker in row for (row,) in samples)]

    assert leaks == []
    assert {schema for schema, _ in read} <= READABLE[role]
    assert not {schema for schema, _ in refused} & (READABLE[role] - {"billing"}), refused
    assert {schema for schema, _ in refused} >= {"staging", "intermediate", "registry", "snapshots", "raw_plaid"}


@pytest.mark.parametrize(
    ("marker", "table"),
    [
        (SESSION_TEXT, "private.session_prompts"),
        (SESSION_TEXT, "private.session_responses"),
        (PERSONAL_MONEY, "private.personal_transactions"),
        (PERSONAL_MONEY, "private.personal_accounts"),
        (TOKEN, "raw_plaid.items"),
    ],
)
def test_markers_are_where_only_their_readers_find_them(
    dbt_project: DbtProject, analyst: psycopg.Connection[Any], marker: str, table: str
) -> None:
    assert dbt_project.value(f"select count(*) from {table} as t where t::text like '%{marker}%'") > 0


def test_guide_is_fast_enough_to_read_along(analyst: psycopg.Connection[Any]) -> None:
    """A plan that reads everything several times over shows itself here long before a large agency feels it."""
    slow = {}
    for question, query in QUERIES:
        [[plan]] = analyst.execute(f"explain (analyze, format json) {query}").fetchall()
        if plan[0]["Execution Time"] > 1000:
            slow[question] = plan[0]["Execution Time"]

    assert slow == {}


@pytest.fixture(scope="module")
def published(
    dbt_project: DbtProject,
    analyst: psycopg.Connection[Any],
    parsed_project: tuple[Manifest, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The small agency in an embedded ClickHouse, its longer tables cut into days."""
    manifest, _ = parsed_project
    descriptions = published_relations(manifest.to_dict())
    with opened(dbt_project.warehouse, tmp_path_factory.mktemp("home")) as world:
        result = world.publish(descriptions, large_rows=500)
        assert set(outcomes(result).values()) == {"moved"}
        yield world


def test_every_mart_and_report_is_published_as_it_is(
    published: World, analyst: psycopg.Connection[Any], parsed_project: tuple[Manifest, Path]
) -> None:
    readable = analyst.execute(
        "select table_schema, table_name from information_schema.tables where table_schema in ('marts', 'reports')"
    ).fetchall()
    descriptions = published_relations(parsed_project[0].to_dict())

    assert set(readable) - set(descriptions) == set(COMPUTED_WHEN_ASKED)
    tables = published.asked("select database, name from system.tables where database in ('marts', 'reports')")
    assert set(tables) == set(descriptions)
    columns = (
        "select table_schema, table_name, column_name from information_schema.columns where table_schema = any(%s)"
    )
    expected = analyst.execute(columns, (["marts", "reports"],)).fetchall()
    assert {row for row in expected if row[:2] in descriptions} == set(
        published.asked("select database, table, name from system.columns where database in ('marts', 'reports')")
    )
    # Compared row by row in both engines, large or not.
    assert set(outcomes(published.publish(descriptions, large_rows=500, compare_all=True)).values()) == {"equal"}
    undescribed = published.asked(
        "select database, table, name from system.columns where database in ('marts', 'reports') and comment = ''"
    )
    assert undescribed == []


def test_nothing_hidden_is_in_what_is_published(published: World) -> None:
    for database, name in published.asked(
        "select database, name from system.tables where database in ('marts', 'reports', 'workledger', 'default')"
    ):
        for marker in (SESSION_TEXT, PERSONAL_MONEY, TOKEN):
            found = f"select count() from `{database}`.`{name}` where position(toString(tuple(*)), '{marker}') > 0"
            assert published.asked(found) == [(0,)], (database, name, marker)


# What only Postgres answers: it computes them when they are asked for.
POSTGRES_ALONE = {
    "What happened in it in steps of five minutes?",
    "What was open on any day, and what did we know of it then?",
}


@pytest.mark.parametrize(
    ("question", "query"),
    [one for one in QUERIES if one[0] not in POSTGRES_ALONE],
    ids=[question for question, _ in QUERIES if question not in POSTGRES_ALONE],
)
def test_clickhouse_answers_as_postgres_does(
    published: World, analyst: psycopg.Connection[Any], question: str, query: str
) -> None:
    expected = [tuple(map(_plain, row)) for row in analyst.execute(query).fetchall()]
    settings = ", ".join(f"{name} = {value!r}" for name, value in SETTINGS.items())
    found = [
        tuple(map(_plain, row))
        for row in published.asked(f"{for_clickhouse(query.rstrip().rstrip(';'))} settings {settings}")
    ]
    # Rows with equal values in the columns that are sorted by may come in any order.
    assert Counter(found) == Counter(expected)


def _plain(value: Any) -> Any:
    """A value as both drivers mean it: 1.50 is 1.5, and an instant is one in any zone."""
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value)).normalize() + 0
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return tuple(value)
