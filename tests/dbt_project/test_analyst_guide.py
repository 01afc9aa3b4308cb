"""The analyst guide: every query in it runs as it is, as role analyst; and what else that role can read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from orchestration.warehouse.roles import Role
from tests.dbt_project.conftest import PROJECT_FOLDER, DbtProject
from tests.dbt_project.small_agency import PERSONAL_MONEY, SESSION_TEXT, TOKEN, raw_tables

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
