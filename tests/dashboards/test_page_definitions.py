"""The pages as files: what is on them, that their charts are Vega-Lite, that their SQL binds what it is given."""

import copy
import re
from typing import Any

import altair
import pytest

from dashboards.definitions import Chart, Page, Query, Table, pages, relations

PAGES = list(pages().values())
CHARTS = [(page, block) for page in PAGES for block in page.blocks if isinstance(block, Chart)]
QUERIES = [(page, query) for page in PAGES for query in page.queries().values()]
SPANS = {
    "start_date",
    "end_date",
    "last_day",
    "months_from",
    "months_to",
    "figures_from",
    "last_month",
    "this_month",
    "today",
}
PARAMETERS = {*SPANS, "client", "person", "currency", "parent"}


def _ids(found: list[Any]) -> list[str]:
    return [f"{page.name}/{getattr(one, 'name', None) or one.query.name}" for page, one in found]


def test_the_pages_are_those_of_the_navigation() -> None:
    assert [page.name for page in PAGES] == ["month", "contracts", "to_bill", "receivables", "ai", "people", "trust"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_four_to_seven_figures_then_charts_then_tables(page: Page) -> None:
    kinds = [isinstance(block, Chart) for block in page.blocks]

    assert 4 <= len(page.figures) <= 7
    assert kinds == sorted(kinds, reverse=True)
    assert any(kinds)
    assert not all(kinds)


@pytest.mark.parametrize(("page", "query"), QUERIES, ids=_ids(QUERIES))
def test_a_query_says_how_it_is_computed_and_what_it_means_to_be_empty(page: Page, query: Query) -> None:
    assert query.computed.endswith(".")
    assert query.name == "figures" or query.empty.endswith(".")


@pytest.mark.parametrize(("page", "query"), QUERIES, ids=_ids(QUERIES))
def test_sql_is_one_statement_that_reads_and_binds_known_parameters(page: Page, query: Query) -> None:
    if query.sql is None:
        return
    statement = re.sub(r"--[^\n]*|'[^']*'", "", query.sql).strip()

    assert re.match(r"(with|select)\b", statement)
    assert statement.count(";") == 1
    assert statement.endswith(";")
    assert set(re.findall(r"%(?:\((\w+)\)s)?", query.sql)) <= PARAMETERS
    # A page filters by what its form offers.
    assert set(re.findall(r"%\((\w+)\)s", query.sql)) <= {*SPANS, "parent", *page.filters}
    # Months are worked out in one place: `Filters.parameters`.
    assert not re.search(r"date_trunc\('month', %\(|%\(\w+\)s (-|\+) interval", query.sql)


@pytest.mark.parametrize(("page", "chart"), CHARTS, ids=_ids(CHARTS))
def test_a_chart_is_vega_lite_without_data(page: Page, chart: Chart) -> None:
    assert "data" not in chart.specification

    altair.Chart.from_dict({**_plain(chart.specification), "data": {"values": []}}, validate=True)


def _plain(part: Any) -> Any:
    """The specification with what page.js puts in the place of names that begin with $."""
    match part:
        case "$currency":
            return "USD"
        case "$weeks":
            return [{"year": 2026, "month": 6, "date": 1}]
        case str() if part.startswith("$"):
            return "#000000"
        case list():
            return [_plain(one) for one in part]
        case dict():
            return {name: _plain(one) for name, one in part.items()}
    return copy.copy(part)


def test_rows_below_a_row_are_asked_for_by_its_key() -> None:
    tables = [block for page in PAGES for block in page.blocks if isinstance(block, Table) and len(block.levels) > 1]

    assert len(tables) == 2
    for table in tables:
        assert table.levels[0].parent is None
        for above, below in zip(table.levels, table.levels[1:], strict=False):
            assert above.key == below.parent
            assert "%(parent)s" in (below.query.sql or "")


def test_relations_are_found_in_the_sql() -> None:
    assert {("marts", "agency_kpis"), ("reports", "time_entry_export"), ("billing", "invoices")} <= relations()
    assert ("billing", "ar_open") not in relations()
