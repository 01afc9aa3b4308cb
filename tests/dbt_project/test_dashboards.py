"""The pages over a small agency: every figure is the mart's, whatever is chosen, whoever wrote the names."""

import csv
import html
import io
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import requests
import uvicorn

from dashboards.definitions import Chart, Page, Query, pages
from dashboards.filters import read_options
from dashboards.reading import Content, Result, read_page, read_query
from dashboards.rendering import render
from invoicing.issuing import issue
from invoicing.payments import pay
from orchestration.commands.look import application
from orchestration.graph.pages import PageWriter, pages_asset
from orchestration.warehouse.connection import Warehouse
from tests.dbt_project.conftest import DbtProject
from tests.dbt_project.small_agency import raw_tables

PAGES = list(pages().values())
BROUGHT = {"runs": lambda: Result(("started_at", "job", "status", "seconds", "run"), [], 0)}
HOSTILE = "</script><img src=x onerror=\"document.title='caught'\">{{ 7 * 7 }}'\"&amp;"
FORMULA = '=HYPERLINK("http://example.com")'
KEY = "key-of-this-test"


@pytest.fixture(scope="module")
def warehouse_of_pages(dbt_project: DbtProject) -> Warehouse:
    """A built warehouse; its clients' and people's names are hostile."""
    rows = raw_tables(datetime.now(UTC).date())
    # What an invoice and a utilization need.
    rows["reference.agency"][0] |= {
        "address": "Street 1",
        "tax_id": "1",
        "invoice_number_format": "LW-{year}-{number:04}",
        "utilization_target": "0.7",
    }
    rows["reference.business_calendars"] = [
        {"calendar": "default", "timezone": "Europe/Berlin", "weekday": weekday, "opens": "09:00", "closes": "17:00"}
        for weekday in range(1, 6)
    ]
    dbt_project.load(rows)
    dbt_project.dbt("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
    with dbt_project.warehouse.connect("transformer") as connection:
        connection.execute("update marts.clients set name = %s where name = 'Acme'", [HOSTILE])
        connection.execute("update marts.clients set name = %s where name = 'Beta'", [FORMULA])
        connection.execute("update marts.projects set name = %s where name = 'Site'", [HOSTILE])
        connection.execute("update marts.developers set name = %s where name = 'Ada'", [HOSTILE])
        connection.execute("update marts.jira_issues set summary = %s", [HOSTILE])
    return dbt_project.warehouse


@dataclass(frozen=True)
class Look:
    """A running server of the pages."""

    address: str
    warehouse: Warehouse

    def get(self, path: str, **options: Any) -> requests.Response:
        options.setdefault("cookies", {f"workledger_look_{self.port}": KEY})
        return requests.get(self.address + path, timeout=30, allow_redirects=False, **options)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Warehouse], Look]]:
    """A function that serves the pages of a warehouse."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(warehouse: Warehouse) -> Look:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = uvicorn.Config(application(warehouse, BROUGHT, KEY, port), port=port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        servers.append((server, thread))
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.started
        return Look(f"http://127.0.0.1:{port}", warehouse)

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def look(warehouse_of_pages: Warehouse, serve: Callable[[Warehouse], Look]) -> Look:
    return serve(warehouse_of_pages)


@pytest.fixture(scope="module")
def contents(warehouse_of_pages: Warehouse) -> dict[str, Content]:
    return {page.name: _read(warehouse_of_pages, page) for page in PAGES}


def _read(warehouse: Warehouse, page: Page, **given: str) -> Content:
    return read_page(warehouse.connect, page, given, BROUGHT, every_level=True)


# --- figures ------------------------------------------------------------------------------------------------------

# What a figure must be for the month that begins on %(month)s, straight from the marts; `…` stands for a condition on
# `local_date`. Written without a look at the pages' SQL.
_IN_MONTH = "date_trunc('month', local_date) = %(month)s"
_AGENCY = "from marts.agency_kpis where month = %(month)s"
FIGURES = {
    "month/billable_seconds": f"select billable_seconds {_AGENCY}",
    "month/utilization": f"select utilization {_AGENCY}",
    "month/accrued": f"select accrued {_AGENCY}",
    "month/delivery_margin": f"select delivery_margin {_AGENCY}",
    "month/ai_cost": f"select ai_cost {_AGENCY}",
    "month/received": f"select received {_AGENCY}",
    "month/uninvoiced": f"select work_in_progress {_AGENCY}",
    "contracts/active_contracts": "select count(*) from marts.contracts where status = 'active' and not is_deleted",
    "contracts/used_share": """
        select sum(p.used_hours) / sum(p.allocated_hours) from marts.contract_periods as p
        join marts.contracts as c on c.id = p.contract_id and c.status = 'active'
        where not p.is_deleted and %(today)s between p.period_start and p.period_end
    """,
    "contracts/projected_overage_seconds": """
        select round(sum(case when use > allowance then use - allowance else 0 end)) from (
            select 3600 * used_hours * (period_end + 1 - period_start) / (%(today)s::date + 1 - period_start) as use,
                3600 * allocated_hours as allowance
            from marts.contract_periods where not is_deleted and %(today)s between period_start and period_end
        ) as x
    """,
    "contracts/overage_seconds": """
        select round(3600 * sum(overage_hours)) from marts.contract_periods
        where not is_deleted and date_trunc('month', period_end) = %(month)s
    """,
    "contracts/overage_amount": """
        select sum(total_overage_amount) from marts.contract_periods
        where not is_deleted and date_trunc('month', period_end) = %(month)s
    """,
    "contracts/expired_seconds": """
        select round(3600 * sum(remaining_hours)) from marts.contract_periods
        where not is_deleted and date_trunc('month', period_end) = %(month)s
    """,
    "contracts/alerts": """
        select count(*) from reports.contract_alerts where date_trunc('month', reached_on) = %(month)s
    """,
    "to_bill/proposed": "select sum(subtotal) from marts.invoice_prefills where invoice_month = %(month)s",
    "to_bill/not_issued": "select sum(subtotal) from marts.invoice_prefills where invoice_month = %(month)s",
    "to_bill/adjustments": """
        select sum(line_total) filter (where basis = 'adjustment') from marts.invoice_prefill_lines
        where invoice_month = %(month)s
    """,
    "to_bill/bills": "select count(*) from marts.invoice_prefills where invoice_month = %(month)s",
    "to_bill/with_warnings": """
        select count(*) from marts.invoice_prefills where invoice_month = %(month)s and warnings <> '[]'
    """,
    "to_bill/billed_seconds": """
        select sum(billable_seconds) from marts.invoice_prefill_lines where invoice_month = %(month)s
    """,
    "to_bill/unbilled_seconds": f"""
        select sum(u.seconds) from marts.unbilled as u join marts.time_entries as t on t.id = u.time_entry_id
        where {_IN_MONTH}
    """,
    "receivables/open_amount": "select null::numeric",
    "receivables/overdue_amount": "select null::numeric",
    "receivables/invoiced": "select null::numeric",
    "receivables/days_outstanding": "select null::numeric",
    "receivables/received": f"select received {_AGENCY}",
    "receivables/without_client": """
        select sum(amount) from marts.transactions
        where type = 'income' and client_id is null and project_id is null and date_trunc('month', date) = %(month)s
    """,
    "receivables/waiting_deposits": "select null::numeric",
    "ai/cost_usd": f"select sum(cost_usd) from marts.daily_overlay where {_IN_MONTH}",
    "ai/tokens": f"""
        select sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens)
        from marts.daily_overlay where {_IN_MONTH}
    """,
    "ai/cache_share": f"""
        select sum(cache_read_tokens) / nullif(sum(cache_read_tokens + cache_creation_tokens + input_tokens), 0)
        from marts.daily_overlay where {_IN_MONTH}
    """,
    "ai/attended_seconds": f"select sum(attended_seconds) from marts.daily_overlay where {_IN_MONTH}",
    "ai/agent_seconds": f"select sum(agent_seconds) from marts.daily_overlay where {_IN_MONTH}",
    "ai/cost_per_pull_request": f"""
        select (select sum(cost_usd) from marts.daily_overlay where {_IN_MONTH}) / nullif(count(*), 0)
        from marts.pull_requests where not is_bot and date_trunc('month', merged_date) = %(month)s
    """,
    "ai/sessions": f"select sum(sessions) from marts.productivity_triangle where {_IN_MONTH}",
    "people/utilization": f"select billable_seconds::numeric / available_seconds {_AGENCY}",
    "people/billable_seconds": f"select billable_seconds {_AGENCY}",
    "people/available_seconds": f"select available_seconds {_AGENCY}",
    "people/people": f"""
        select count(distinct developer_id) from marts.time_entries
        where is_counted and allocated_seconds > 0 and {_IN_MONTH}
    """,
    "people/logged_seconds": f"select sum(logged_seconds) from reports.logged_vs_observed where {_IN_MONTH}",
    "people/observed_seconds": f"select sum(observed_seconds) from reports.logged_vs_observed where {_IN_MONTH}",
    "people/overlap_seconds": f"select coalesce(sum(overlap_seconds), 0) from reports.overlaps where {_IN_MONTH}",
    "trust/oldest_days": """
        select max(age) / 86400.0 from (
            select source, min(age_seconds) as age from reports.data_freshness group by source
        ) as ages
    """,
    "trust/unresolved_seconds": f"""
        select coalesce(sum(allocated_seconds), 0) from marts.time_entries
        where is_counted and (developer_id is null or client_id is null) and {_IN_MONTH}
    """,
    "trust/unpriced_answers": """
        select count(*) from marts.session_messages
        where cost_usd is null and date_trunc('month', answered_at at time zone 'UTC') = %(month)s
    """,
    "trust/set_aside": """
        select count(*) from reports.set_aside where date_trunc('month', found_at at time zone 'UTC') = %(month)s
    """,
    "trust/suspicious_entries": f"select count(*) from reports.suspicious_entries where {_IN_MONTH}",
    "trust/superseded_seconds": f"""
        select coalesce(sum(superseded_seconds), 0) from reports.superseded where {_IN_MONTH}
    """,
}


def test_every_figure_is_recomputed() -> None:
    assert set(FIGURES) == {f"{page.name}/{figure.column}" for page in PAGES for figure in page.figures}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_that_of_the_marts(name: str, dbt_project: DbtProject, contents: dict[str, Content]) -> None:
    page, _, column = name.partition("/")
    content = contents[page]
    month = (content.filters.today.replace(day=1) - timedelta(days=1)).replace(day=1)
    with dbt_project.warehouse.connect("owner") as connection:
        row = connection.execute(FIGURES[name], {"month": month, "today": content.filters.today}).fetchone()
    assert row is not None

    # Of the last month that is over, or of today where a figure has no months.
    shown = [
        one[column]
        for one in content.results["figures"].records()
        if one["month"] in (month, None) and one[column] is not None
    ]

    assert sum(shown) == (row[0] or 0) if shown else row[0] in (None, 0)


def test_figures_are_not_all_unknown(contents: dict[str, Content]) -> None:
    for name, content in contents.items():
        known = [
            figure.column
            for figure in content.page.figures
            if any(row[figure.column] for row in content.results["figures"].records())
        ]
        assert len(known) >= (2 if name == "receivables" else 4), (name, known)


@pytest.mark.parametrize(
    ("page", "query", "column", "expected"),
    [
        (
            "month",
            "hours_by_week",
            "hours",
            "select round(sum(allocated_seconds) / 3600.0, 2) from marts.time_entries where is_counted and {days}",
        ),
        (
            "month",
            "money_by_month",
            "amount",
            "select sum(accrued) + sum(nullif(labour_cost, 0)) + sum(ai_cost) + sum(received) from marts.client_margin"
            " where month between date_trunc('month', %(start)s::date) and %(end)s",
        ),
        (
            "to_bill",
            "unbilled",
            "hours",
            "select round(sum(u.seconds) / 3600.0, 2) from marts.unbilled as u"
            " join marts.time_entries as t on t.id = u.time_entry_id where {days}",
        ),
        (
            "receivables",
            "cash_by_week",
            "amount",
            "select sum(amount) from marts.transactions where type = 'income' and date between %(start)s and %(end)s",
        ),
        (
            "ai",
            "tokens_by_client",
            "tokens",
            "select sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_5m_tokens"
            " + cache_creation_1h_tokens) from marts.session_messages",
        ),
        (
            "ai",
            "hours_of_day",
            "active_hours",
            "select round(sum(duration_seconds) / 3600.0, 2) from marts.claude_sessions",
        ),
        (
            "ai",
            "cost_by_model",
            "tokens",
            "select sum(input_tokens + output_tokens + cache_read_tokens + cache_creation_tokens)"
            " from marts.daily_overlay",
        ),
        (
            "ai",
            "cost_by_client",
            "cost_usd",
            "select round(sum(cost_usd), 2) from marts.session_messages",
        ),
        (
            "people",
            "utilization_by_week",
            "available_hours",
            "select round(sum(available_seconds) / 3600.0, 2) from marts.agency_kpis",
        ),
        (
            "people",
            "utilization_by_week",
            "billable_hours",
            "select round(sum(allocated_seconds) / 3600.0, 2) from marts.time_entries"
            " where is_counted and billable and developer_id is not null and {days}",
        ),
        (
            "people",
            "people",
            "billable_hours",
            "select round(sum(allocated_seconds) / 3600.0, 2) from marts.time_entries"
            " where is_counted and billable and {days}",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_the_rows_of_a_chart_sum_to_the_mart(
    dbt_project: DbtProject, contents: dict[str, Content], page: str, query: str, column: str, expected: str
) -> None:
    content = contents[page]
    days = "local_date between %(start)s and %(end)s"
    with dbt_project.warehouse.connect("owner") as connection:
        parameters = {"start": content.filters.start, "end": content.filters.end}
        row = connection.execute(expected.format(days=days).encode(), parameters).fetchone()

    result = content.results[query]
    total = sum(one[column] for one in result.records())

    assert row is not None
    assert row[0] > 0
    # Hours and costs of answers are rounded to a hundredth in each row.
    tolerance = Decimal("0.005") * len(result.rows) if "hours" in column or "cost" in column else 0
    assert abs(total - row[0]) <= tolerance


def test_amounts_of_entries_are_those_of_lines_and_bills(contents: dict[str, Content]) -> None:
    results = contents["to_bill"].results
    lines = {line["line_id"]: line for line in results["lines"].records()}
    sums: dict[str, Decimal] = {}
    for entry in results["entries"].records():
        sums[entry["line_id"]] = sums.get(entry["line_id"], Decimal(0)) + entry["amount"]
    assert results["entries"].total == len(results["entries"].rows)
    assert sums
    assert sums == {line_id: lines[line_id]["line_total"] for line_id in sums}
    for bill in results["bills"].records():
        parts = [line["line_total"] for line in lines.values() if line["prefill_id"] == bill["prefill_id"]]
        assert sum(parts) == bill["subtotal"]


def test_a_month_without_labour_cost_has_no_margin(dbt_project: DbtProject, warehouse_of_pages: Warehouse) -> None:
    """The agency's costs were never entered for it: a margin of 100 % would be a lie."""
    with dbt_project.warehouse.connect("transformer") as connection, connection.transaction(force_rollback=True):
        month = _last_month(connection)
        connection.execute("update marts.agency_kpis set labour_cost = 0 where month = %s", [month])
        query = pages()["month"].queries()["figures"]
        assert query.sql is not None
        parameters = _read(warehouse_of_pages, pages()["month"]).filters.parameters()
        cursor = connection.execute(query.sql.encode(), parameters)
        names = [column.name for column in cursor.description or ()]
        [row] = [dict(zip(names, one, strict=True)) for one in cursor if one[0] == month]
    assert row["delivery_margin"] is None
    assert row["accrued"] is not None


def test_a_target_is_a_line_where_it_is_set_and_nothing_where_not(
    warehouse_of_pages: Warehouse, contents: dict[str, Content]
) -> None:
    page = pages()["month"]
    with warehouse_of_pages.connect("transformer") as connection, connection.transaction(force_rollback=True):
        connection.execute("update marts.agency_kpis set utilization_target = null")
        kept: Any = _Kept(connection)
        without = read_page(lambda _: kept, page, {}, BROUGHT, every_level=True)

    for content, target in ((contents["month"], Decimal("70.0")), (without, None)):
        rows = content.results["utilization_by_month"].records()
        assert {row["target_percent"] for row in rows} == {target}
        assert ("target 70.0 %" in render(content, standalone=False)) is (target is not None)
    assert "target 70.0 %" in render(contents["people"], standalone=False)


def test_a_waterfall_leads_from_its_first_step_to_its_last(
    dbt_project: DbtProject, contents: dict[str, Content]
) -> None:
    results = contents["month"].results
    with dbt_project.warehouse.connect("owner") as connection:
        month = _last_month(connection)
        expected = connection.execute(
            # Hours on a bill stand in the month of the bill, others in that of the work.
            f"""
            select
                round((sum(raw_seconds) + (
                    select coalesce(sum(coalesce(u.seconds, t.allocated_seconds)), 0) from marts.time_entries as t
                    left join marts.unbilled as u on u.time_entry_id = t.id
                    where {_IN_MONTH} and (u.seconds > 0 or not t.is_counted and t.not_counted_reason <> 'deleted')
                )) / 3600.0, 2),
                round(sum(billable_seconds) / 3600.0, 2),
                (select sum(subtotal) from marts.invoice_prefills where invoice_month = %(month)s)
            from marts.invoice_prefill_lines where invoice_month = %(month)s
            """,
            {"month": month},
        ).fetchone()
    assert expected is not None
    logged, billed, accrued = expected

    for name in ("hours_waterfall", "money_waterfall"):
        before = None
        for step in results[name].records():
            if step["is_total"]:
                assert step["starts_at"] == 0
                assert before in (None, step["ends_at"])
            elif before is not None:
                assert step["starts_at"] == before
            before = step["ends_at"]
    hours = [step["hours"] for step in results["hours_waterfall"].records()]
    assert (hours[0], hours[-1]) == (logged, billed)
    amounts = {step["step"]: step["amount"] for step in results["money_waterfall"].records()}
    assert (amounts["Accrued"], amounts["Not invoiced"], amounts["Paid"]) == (accrued, -accrued, 0)


def _last_month(connection: psycopg.Connection[Any]) -> date:
    row = connection.execute("select start_date from reports.date_ranges where preset = 'last_month'").fetchone()
    assert row is not None
    month: date = row[0]
    return month


# --- filters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_choice_of_a_filter_can_be_shown(warehouse_of_pages: Warehouse, page: Page) -> None:
    with warehouse_of_pages.connect("analyst") as connection:
        options = read_options(connection)
    choices = [{"range": name} for name in options.ranges]
    choices += [{name: option.value} for name in page.filters for option in options.lists[name]]
    choices.append({name: options.lists[name][0].value for name in page.filters})

    for given in choices:
        content = _read(warehouse_of_pages, page, **given)
        assert {name: one.error for name, one in content.results.items() if one.error} == {}
        assert render(content, standalone=False)


def test_a_client_narrows_its_page_and_clients_sum_to_the_whole(warehouse_of_pages: Warehouse) -> None:
    with warehouse_of_pages.connect("analyst") as connection:
        clients = [option.value for option in read_options(connection).lists["client"]]
    page = pages()["to_bill"]

    parts = [_read(warehouse_of_pages, page, client=client) for client in clients]

    def proposed(content: Content) -> Decimal:
        return sum((row["proposed"] or Decimal(0) for row in content.results["figures"].records()), Decimal(0))

    assert len(clients) > 1
    assert all(proposed(part) for part in parts)
    assert sum(map(proposed, parts)) == proposed(_read(warehouse_of_pages, page))


@pytest.mark.parametrize(
    "query",
    ["client=CLI-none", "client=' or 1=1 --", "range=yesterday", "client=CLI-1&client=x", "currency=XXX"],
)
def test_an_unknown_filter_is_refused_with_a_sentence(look: Look, query: str) -> None:
    answer = look.get(f"/to_bill?{query}")

    assert answer.status_code == 400
    assert "There is no" in answer.text


def test_filters_stay_from_page_to_page(look: Look) -> None:
    text = look.get("/month?range=last_90_days").text

    assert 'href="/people?range=last_90_days"' in text
    assert re.search(r'<option value="last_90_days" selected>', text)
    assert 'href="/month/clients.csv?range=last_90_days"' in text


# --- the server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_served_with_a_policy_that_runs_no_text(look: Look, page: Page) -> None:
    answer = look.get(f"/{page.name}")

    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?![^>]*(src=|type=\"application/json\"))", answer.text)
    assert not {name for name in _Scripts(answer.text).attributes if name == "style" or name.startswith("on")}


def test_nobody_without_the_key_sees_anything(look: Look) -> None:
    for path in ("/", "/month", "/month/clients.csv", "/static/page.js", "/to_bill/lines.html?parent=x"):
        for cookies in ({}, {f"workledger_look_{look.port}": "guess"}):
            answer = look.get(path, cookies=cookies)
            assert answer.status_code == 403
            assert "USD" not in answer.text
    assert look.get("/month?key=guess", cookies={}).status_code == 403


def test_the_key_opens_the_pages_and_leaves_the_address(look: Look) -> None:
    answer = look.get(f"/people?range=last_90_days&key={KEY}", cookies={})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/people?range=last_90_days"
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}


def test_another_site_cannot_read_the_pages_by_its_name(look: Look) -> None:
    """DNS rebinding: the name of the site leads to 127.0.0.1, so that its scripts may read what is answered."""
    assert look.get("/month", headers={"Host": "evil.example:80"}).status_code == 400
    assert look.get("/month", headers={"Host": f"localhost:{look.port}"}).status_code == 200


def test_what_is_not_there_is_a_page_that_says_so(look: Look) -> None:
    for path in ("/nothing", "/month/nothing.csv", "/static/../pages.py", "/to_bill/bills.html?parent=x"):
        assert look.get(path).status_code == 404


def test_csv_is_the_query_and_starts_no_formula(look: Look) -> None:
    answer = look.get("/month/clients.csv")

    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["client"] for row in rows} >= {HOSTILE, f"'{FORMULA}"}
    with look.warehouse.connect("finance") as connection:
        month = _last_month(connection)
        found = connection.execute("select sum(accrued) from marts.client_margin where month = %s", [month]).fetchone()
    assert found is not None
    assert sum(Decimal(row["accrued"]) for row in rows) == found[0]


def test_rows_below_a_row_are_read_when_it_is_opened(look: Look) -> None:
    text = look.get("/to_bill").text
    [first, *_] = re.findall(r'data-more="([^"]+)"', text)
    lines = look.get(first.replace("&amp;", "&"))
    [line, *_] = re.findall(r'data-more="([^"]+)"', lines.text)
    entries = look.get(line.replace("&amp;", "&"))

    assert (lines.status_code, entries.status_code) == (200, 200)
    assert "<html" not in lines.text
    assert "<table>" in entries.text or "fixed amount" in entries.text
    assert "<img" not in lines.text + entries.text
    assert look.get("/to_bill/lines.html?parent=' or '1'='1").text.count("data-more") == 0


def test_a_query_that_fails_leaves_the_others(warehouse_of_pages: Warehouse) -> None:
    page = pages()["people"]
    broken = Query("people", "People", "c.", "e.", "select pg_sleep(10)")
    with warehouse_of_pages.connect("analyst") as connection:
        connection.execute("set statement_timeout = '300ms'")
        refused = read_query(lambda _: connection, page, broken, {}, BROUGHT)
    written = Query("people", "People", "c.", "e.", "create table reports.x (y int)")
    forbidden = read_query(warehouse_of_pages.connect, page, written, {}, BROUGHT)

    assert refused.error is not None
    assert "took longer" in refused.error
    assert forbidden.error is not None
    content = _read(warehouse_of_pages, page)
    text = render(
        Content(page, content.options, content.filters, None, {**content.results, "overlaps": refused}),
        standalone=False,
    )
    assert text.count('role="alert"') == 1
    assert "Utilization, person by week" in text


def test_a_long_table_is_cut_and_says_so_and_a_chart_is_whole(
    warehouse_of_pages: Warehouse, contents: dict[str, Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = pages()["people"]
    whole = contents["people"].results
    monkeypatch.setattr("dashboards.reading.MOST_ROWS", 1)

    content = _read(warehouse_of_pages, page)

    assert len(content.results["utilization_by_week"].rows) == len(whole["utilization_by_week"].rows) > 1
    assert len(content.results["figures"].rows) == len(whole["figures"].rows) > 1
    people = content.results["people"]
    assert (len(people.rows), people.total) == (1, len(whole["people"].rows))
    assert f"the first 1 of {people.total} rows; the CSV has all" in render(content, standalone=False)
    query = page.queries()["people"]
    assert len(read_query(warehouse_of_pages.connect, page, query, {}, BROUGHT).rows) == people.total


def test_pages_with_costs_run_as_finance_and_the_others_as_analyst(warehouse_of_pages: Warehouse) -> None:
    asked: list[str] = []

    def connect(role: Any) -> psycopg.Connection[Any]:
        asked.append(role)
        return warehouse_of_pages.connect(role)

    for page in PAGES:
        read_page(connect, page, {}, BROUGHT, every_level=False)

    assert asked == ["finance", *["analyst"] * 6]


# --- states -------------------------------------------------------------------------------------------------------


def test_a_warehouse_that_is_not_built_says_what_to_run(
    create_database: Callable[[], Warehouse], serve: Callable[[Warehouse], Look]
) -> None:
    answer = serve(create_database()).get("/month")

    assert answer.status_code == 503
    assert "<code>workledger run</code>" in answer.text


def test_an_agency_without_any_data_has_pages(
    open_dbt_project: Callable[[], DbtProject], warehouse_of_pages: Warehouse
) -> None:
    """Every mart emptied, as before the first load: each place says what it means to be empty."""
    with warehouse_of_pages.connect("transformer") as connection, connection.transaction(force_rollback=True):
        tables = connection.execute("select tablename from pg_tables where schemaname = 'marts'").fetchall()
        connection.execute(f"truncate {', '.join(f'marts.{name}' for (name,) in tables)}".encode())
        kept: Any = _Kept(connection)
        for page in PAGES:
            read = read_page(lambda _: kept, page, {}, BROUGHT, every_level=True)
            text = render(read, standalone=True)
            assert {name: one.error for name, one in read.results.items() if one.error} == {}
            blocks = [query for query in page.queries().values() if query.name != "figures"]
            empty = [query for query in blocks if not read.results[query.name].rows]
            # Some reports are made of what lies before the marts.
            assert {query.name for query in blocks if query.sql and "reports." not in query.sql} <= {
                query.name for query in empty
            }
            assert text.count('class="state empty"') >= len(empty) - 2


class _Kept:
    """A connection that stays open and in its transaction, whatever a page does with it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_connection":
            super().__setattr__(name, value)


# --- as files, and in a browser -----------------------------------------------------------------------------------


class _Scripts(HTMLParser):
    """What a browser finds in a page: its scripts, and every other tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._within = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._within = tag == "script"
        if self._within:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def files(warehouse_of_pages: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every page as the asset writes it."""
    places: Any = _Places(warehouse_of_pages, tmp_path_factory.mktemp("home"))
    result = dg.materialize(
        [pages_asset()], resources={"page_writer": PageWriter(places)}, instance=dg.DagsterInstance.ephemeral()
    )
    [event] = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert set(metadata) == set(pages())
    # A path that a person copies: from a served page, browsers follow no link to a file.
    assert {type(value) for value in metadata.values()} == {dg.PathMetadataValue}
    return {name: Path(str(value.value)) for name, value in metadata.items()}


@dataclass(frozen=True)
class _Settings:
    home: Path


class _Places:
    def __init__(self, warehouse: Warehouse, home: Path) -> None:
        self.warehouse = warehouse
        self.settings = _Settings(home)


def test_a_file_needs_nothing_else_and_is_small_enough_for_a_mail(files: dict[str, Path]) -> None:
    for file in files.values():
        text = file.read_text()
        assert file.stat().st_size <= 1_500_000
        assert not re.search(r'(src|href)="(?!data:|#|\w+\.html")', text)
        assert "default-src 'none'" in html.unescape(text)
        found = _Scripts(text)
        assert "img" not in found.tags
        assert not {name for name in found.attributes if name == "style" or name.startswith("on")}
        assert len(found.scripts) == 5


def test_the_data_of_a_file_are_the_rows_of_its_charts(files: dict[str, Path], contents: dict[str, Content]) -> None:
    for name, file in files.items():
        drawn = json.loads(_Scripts(file.read_text()).scripts[0])
        expected = {
            block.query.name: len(contents[name].results[block.query.name].rows)
            for block in pages()[name].blocks
            if isinstance(block, Chart) and contents[name].results[block.query.name].rows
        }
        assert {chart: len(said["rows"]) for chart, said in drawn.items()} == expected


@pytest.fixture(scope="session")
def chromium() -> str:
    """A browser without a window."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


def _browse(chromium: str, address: str, folder: Path, *, width: int = 1400, dark: bool = False) -> tuple[str, str]:
    """The page as the browser has drawn it, and what was written to its console."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    options += [f"--window-size={width},1200", "--virtual-time-budget=15000", "--enable-logging=stderr", "--v=0"]
    if dark:
        options.append("--blink-settings=preferredColorScheme=0")
    done = subprocess.run(
        [chromium, *options, "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "HOME": str(folder)},
    )
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_browser_draws_every_chart_of_a_file_and_complains_of_nothing(
    chromium: str, files: dict[str, Path], contents: dict[str, Content], tmp_path: Path, page: Page
) -> None:
    charts = [block for block in page.blocks if isinstance(block, Chart)]
    filled = [chart for chart in charts if contents[page.name].results[chart.query.name].rows]

    # A phone in the dark sees what a desk in the light sees.
    for width, dark in ((1400, False), (390, True)):
        drawn, console = _browse(chromium, files[page.name].as_uri(), tmp_path / str(width), width=width, dark=dark)
        assert console == ""
        assert f'data-drawn="{len(filled)}"' in drawn
        assert drawn.count('class="marks"') == len(filled)
        assert "<title>caught" not in drawn


def test_a_browser_follows_the_key_and_draws_the_served_page(chromium: str, look: Look, tmp_path: Path) -> None:
    drawn, console = _browse(chromium, f"{look.address}/month?key={KEY}", tmp_path)

    assert console == ""
    assert drawn.count('class="marks"') >= 4


# --- receivables; last, because it issues an invoice ---------------------------------------------------------------


def test_what_is_invoiced_is_owed_until_it_is_paid(dbt_project: DbtProject, warehouse_of_pages: Warehouse) -> None:
    """Of the last month's bills one is issued today, with its due date ahead, and half of it is paid."""
    receivables, to_bill = pages()["receivables"], pages()["to_bill"]
    before = _read(warehouse_of_pages, to_bill).results["bills"].records()
    assert _running(_read(warehouse_of_pages, receivables), "open_amount") is None
    today = _read(warehouse_of_pages, receivables).filters.today
    with warehouse_of_pages.connect("owner") as connection:
        prefill = connection.execute(
            "select client_id, invoice_month, total, subtotal, currency,"
            " array(select distinct w ->> 'code' from jsonb_array_elements(warnings) as w) from marts.invoice_prefills"
            " where invoice_month = %s and total > 0 order by total desc limit 1",
            [_last_month(connection)],
        ).fetchone()
        assert prefill is not None
        client, month, total, subtotal, currency, warnings = prefill
        issued = issue(connection, client, month, actor="ada", today=today, currency=currency, accept=warnings)
        half = (total / 2).quantize(Decimal("0.01"))
        pay(connection, issued.invoice.number, half, actor="ada", today=today)

    after = _read(warehouse_of_pages, to_bill)
    # The bill has left the list before anything is built; what is owed is known to the build after it.
    assert len(after.results["bills"].rows) == len(before) - 1
    dbt_project.dbt("run", "--select", "int_money__receivable_days", "ar_aging", "days_sales_outstanding")

    content = _read(warehouse_of_pages, receivables)

    assert _running(content, "invoiced") == total
    assert _running(content, "open_amount") == total - half
    assert _running(content, "overdue_amount") == 0
    assert _running(content, "days_outstanding") == round(90 * (total - half) / total, 1)
    [bar] = content.results["aging"].records()
    assert (bar["days_past_due"], bar["open_amount"], bar["currency"]) == ("current", total - half, currency)
    [row] = content.results["open_invoices"].records()
    assert (row["invoice"], row["still_open"], row["total"]) == (issued.invoice.number, total - half, total)
    [open_now] = content.results["open_by_month"].records()
    assert (open_now["days_past_due"], open_now["is_complete"]) == ("current", False)
    assert open_now["open_amount"] == total - half
    simple = [row["days"] for row in content.results["days_of_sales"].records() if row["kind"] != "Counted back"]
    assert simple == [round(90 * (total - half) / total, 1)]
    waiting = [row["waiting_deposits"] for row in content.results["figures"].records() if row["month"] is None]
    assert waiting == [len(content.results["unmatched_deposits"].rows)]
    closed = [
        one for one in after.results["figures"].records() if one["month"] == month and one["currency"] == currency
    ]
    assert [one["proposed"] - one["not_issued"] for one in closed] == [subtotal]
    other = _read(warehouse_of_pages, receivables, currency=currency)
    assert _running(other, "open_amount") == total - half
    _changes_after_it_was_invoiced(warehouse_of_pages, issued.invoice.id, client, currency, month)


def _changes_after_it_was_invoiced(warehouse: Warehouse, invoice: str, client: str, currency: str, month: date) -> None:
    """An entry of the invoice is half an hour longer since: analysts see it on the page, though not in `billing`."""
    with warehouse.connect("owner") as connection:
        row = connection.execute(
            "select time_entry_id from marts.invoice_prefill_line_entries as e join marts.invoice_prefill_lines as l"
            " on l.id = e.line_id where l.client_id = %s and l.invoice_month = %s limit 1",
            [client, month],
        ).fetchone()
        assert row is not None
        connection.execute(
            "insert into billing.restatements (id, invoice_id, client_id, currency, invoice_month, time_entry_id,"
            " was_seconds, now_seconds, was_amount, now_amount)"
            " values ('RES-00000001', %s, %s, %s, %s, %s, 3600, 5400, 100, 150)",
            [invoice, client, currency, month, row[0]],
        )

    [found] = _read(warehouse, pages()["to_bill"]).results["restatements"].records()

    assert (found["state"], found["billed_hours"], found["hours_now"]) == ("waits", Decimal("1.00"), Decimal("1.50"))
    assert (found["difference"], found["currency"], found["adjusted_by"]) == (Decimal(50), currency, None)
    assert found["person"] is not None
    assert not _read(warehouse, pages()["to_bill"], client=_other(warehouse, client)).results["restatements"].rows


def _other(warehouse: Warehouse, client: str) -> str:
    with warehouse.connect("analyst") as connection:
        return next(one.value for one in read_options(connection).lists["client"] if one.value != client)


def _running(content: Content, column: str) -> Any:
    """A figure of the running month; None where it is unknown."""
    month = content.filters.today.replace(day=1)
    found = [
        row[column] for row in content.results["figures"].records() if row["month"] == month and row[column] is not None
    ]
    assert len(found) <= 1
    return found[0] if found else None
