"""The analyst guide: every query in it runs as it stands, as role analyst, and finds something."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.dbt_project.conftest import PROJECT_FOLDER, DbtProject
from tests.dbt_project.small_agency import raw_tables

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
    assert len(QUERIES) >= 15
    assert len(QUERIES) == GUIDE.count("```sql")


@pytest.mark.parametrize("query", [query for _, query in QUERIES], ids=[question for question, _ in QUERIES])
def test_query_finds_something(analyst: psycopg.Connection[Any], query: str) -> None:
    assert analyst.execute(query).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table",
    [
        "private.session_prompts",
        "private.developer_costs",
        "raw_github.commits",
        "staging.stg_jira__issues",
    ],
)
def test_analyst_reads_neither_texts_nor_raw_tables(analyst: psycopg.Connection[Any], table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(f"select * from {table} limit 1")  # type: ignore[arg-type]
    analyst.rollback()


def test_guide_is_fast_enough_to_read_along(analyst: psycopg.Connection[Any]) -> None:
    """A plan that reads everything several times over shows itself here long before a large agency feels it."""
    slow = {}
    for question, query in QUERIES:
        [[plan]] = analyst.execute(f"explain (analyze, format json) {query}").fetchall()  # type: ignore[arg-type]
        if plan[0]["Execution Time"] > 1000:
            slow[question] = plan[0]["Execution Time"]

    assert slow == {}
