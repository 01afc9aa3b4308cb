"""A prefill from raw rows to total: it follows an edit in one build, keeps its identifiers, and is read at once."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.issuing import cancel, issue
from tests.dbt_project.conftest import DbtProject

_MODELS = ("invoice_prefills", "invoice_prefill_lines", "invoice_prefill_line_entries", "unbilled")
# Rows per mart at the size of the largest benchmark: 60,000 entries on 6,000 lines of 600 prefills.
_ENTRIES, _LINES, _PREFILLS = 60_000, 6_000, 600


_PRINTED = {"address": "1 Pier Road", "tax_id": "00-1", "invoice_number_format": "A-{year}-{number}"}


def _entry(number: int, end: str, *, project: str = "p1") -> dict[str, Any]:
    return {
        "id": f"t{number}",
        "user_id": "u1",
        "project_id": project,
        "start_time": f"2026-03-{number:02}T08:00:00Z",
        "end_time": f"2026-03-{number:02}T{end}Z",
        "billable": True,
        "type": "REGULAR",
        "is_deleted": False,
        "loaded_at": "2026-03-30T06:00:00Z",
    }


RAW: dict[str, list[dict[str, Any]]] = {
    "reference.agency": [{"legal_name": "Agency", "currency": "USD", "timezone": "UTC", "calendar": "default"}],
    "reference.client_terms": [
        {"client": "Acme", "billing_model": "hourly", "currency": "EUR", "tax_rate": Decimal("0.19")},
    ],
    "reference.project_terms": [{"project": "Site", "client": "Acme", "hourly_rate": Decimal("90.50")}],
    "reference.billing_rules": [
        {"project": "Kiosk", "rule_type": "hourly", "rate_cents": 12000, "rounding_increment_minutes": 30},
    ],
    "reference.fixed_lines": [
        {"client": "acme", "description": "Hosting", "amount": Decimal("45.50"), "valid_from": "2026-03-01"},
        # Another currency is another prefill; amounts in it have nine digits before the point.
        {
            "client": "acme",
            "description": "Licence",
            "amount": 150_000_000,
            "currency": "UZS",
            "valid_from": "2026-03-01",
        },
    ],
    "clockify.users": [{"id": "u1", "email": "ada@example.com", "status": "ACTIVE", "timezone": "UTC"}],
    "clockify.clients": [{"id": "c1", "name": "Acme"}],
    "clockify.projects": [
        {"id": "p1", "client_id": "c1", "name": "Site"},
        {"id": "p2", "client_id": "c1", "name": "Kiosk"},
    ],
    "clockify.time_entries": [_entry(2, "08:20:00"), _entry(3, "09:00:01", project="p2"), _entry(4, "09:00:00")],
}


def _build(project: DbtProject, *selection: str) -> Mapping[str, Any]:
    project.dbt(
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--exclude-resource-type",
        "test",
        "--select",
        *selection,
        as_of="2026-03-31",
    )
    return {
        "prefills": project.rows("select * from marts.invoice_prefills order by currency"),
        "lines": project.rows("select * from marts.invoice_prefill_lines order by basis, line_total"),
        "entries": project.rows("select * from marts.invoice_prefill_line_entries order by time_entry_id"),
        "unbilled": project.rows("select * from marts.unbilled"),
    }


@pytest.fixture(scope="module")
def before_and_after(dbt_project: DbtProject) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The marts before and after an edit and a deletion."""
    dbt_project.load(RAW)
    before = _build(dbt_project, *(f"+{model}" for model in _MODELS))
    deleted = {**_entry(4, "09:00:00"), "is_deleted": True, "deleted_at": "2026-03-30T00:00:00Z"}
    dbt_project.load({"clockify.time_entries": [_entry(2, "08:40:30"), _entry(3, "09:00:01", project="p2"), deleted]})
    after = _build(dbt_project, *(f"int_time__clockify_entries+,+{model}" for model in _MODELS))
    return before, after


def test_prefill_adds_up_from_raw_rows(before_and_after: tuple[Mapping[str, Any], Mapping[str, Any]]) -> None:
    before, _ = before_and_after

    # 1:00:01 is rounded up to 1:30:00; a rule without a currency takes that of the terms.
    assert [(row["basis"], row["raw_time"], row["billable_time"], row["line_total"]) for row in before["lines"]] == [
        ("billing_rule", "1:00:01", "1:30:00", Decimal("180.00")),
        ("client_terms", "1:20:00", "1:20:00", Decimal("120.67")),
        ("fixed_line", None, None, Decimal("45.50")),
        ("fixed_line", None, None, Decimal("150000000.00")),
    ]
    prefill, foreign_prefill = before["prefills"]
    assert (prefill["currency"], prefill["subtotal"], prefill["tax"], prefill["total"], prefill["warnings"]) == (
        "EUR",
        Decimal("346.17"),
        Decimal("65.77"),
        Decimal("411.94"),
        [],
    )
    assert foreign_prefill["total"] == Decimal("178500000.00")
    assert [warning["code"] for warning in foreign_prefill["warnings"]] == ["currency_mismatch"]
    assert before["unbilled"] == []


def test_prefill_follows_an_edit_in_one_build_and_keeps_its_identifiers(
    before_and_after: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> None:
    before, after = before_and_after

    assert [row["line_total"] for row in after["lines"]][:3] == [Decimal("180.00"), Decimal("61.09"), Decimal("45.50")]
    assert after["prefills"][0]["subtotal"] == Decimal("286.59")
    assert [row["id"] for row in after["prefills"]] == [row["id"] for row in before["prefills"]]
    assert [row["id"] for row in after["lines"]] == [row["id"] for row in before["lines"]]
    assert {row["time_entry_id"] for row in before["entries"]} - {row["time_entry_id"] for row in after["entries"]} == {
        "CLK-t4"
    }


@pytest.mark.usefixtures("before_and_after")
def test_billed_time_is_said_to_be_billed_until_its_invoice_is_canceled(dbt_project: DbtProject) -> None:
    today = date(2026, 3, 31)
    dbt_project.load({"reference.agency": [{**RAW["reference.agency"][0], **_PRINTED}]})
    followers = ("+client_margin", "+agency_kpis", "+revenue_by_client", "+int_reports__entry_amounts")
    invoices, entries = "source:invoicing+", "source:clockify.time_entries+"

    def read(*changed: str) -> tuple[Any, ...]:
        """Build what is made of what has changed, which at first is everything."""
        _build(dbt_project, *(",".join((*changed, follower)) for follower in followers))
        statuses = dbt_project.rows("select id, status, local_date from marts.time_entries order by id")
        [revenue] = dbt_project.rows("select accrued, invoiced from reports.revenue_by_client where currency = 'EUR'")
        [margin] = dbt_project.rows(
            "select invoiced_in_client_currency from marts.client_margin where client_id <> 'bench'"
        )
        [note] = dbt_project.rows("select work_in_progress_note from marts.agency_kpis where month = '2026-03-01'")
        return (
            [row["status"] for row in statuses if row["id"] != "CLK-t4"],
            revenue["accrued"],
            revenue["invoiced"],
            margin["invoiced_in_client_currency"],
            note["work_in_progress_note"] is None,
        )

    total = Decimal("286.59")
    assert read() == (["pending", "pending"], total, None, None, False)
    with dbt_project.warehouse.connect("owner") as connection:
        invoice = issue(connection, "Acme", date(2026, 3, 1), actor="ada", today=today, currency="EUR").invoice
        assert invoice.subtotal == total
        # In another currency without a rate to the agency's nothing is known of the sum; the client's own is.
        assert read(invoices) == (["billed", "billed"], total, total, total, True)
        # Moved to another day after it was billed, it follows there.
        moved = {**_entry(9, "08:40:30"), "id": "t2"}
        dbt_project.load({"clockify.time_entries": [moved, _entry(3, "09:00:01", project="p2")]})
        assert read(entries)[0] == ["billed", "billed"]
        cancel(connection, invoice.number, actor="ada", today=today, reason="again")
        assert read(invoices) == (["pending", "pending"], total, None, None, False)
        assert issue(connection, "Acme", date(2026, 3, 1), actor="ada", today=today, currency="EUR").is_new


@pytest.mark.usefixtures("before_and_after")
def test_prefill_of_a_client_and_month_is_read_at_once(dbt_project: DbtProject) -> None:
    with dbt_project.warehouse.connect("transformer") as connection:
        connection.execute(
            f"""
            insert into marts.invoice_prefills (id, client_id, currency, invoice_month, subtotal, total)
            select 'PRE-' || n, 'CLI-' || n % 50, 'EUR', date '2025-01-01' + make_interval(months => n / 50), 1, 1
            from generate_series(0, {_PREFILLS - 1}) as n;
            insert into marts.invoice_prefill_lines (id, prefill_id, client_id, invoice_month, raw_seconds, line_total)
            select 'LIN-' || n, prefills.id, client_id, invoice_month, 1, 1
            from generate_series(0, {_LINES - 1}) as n
            inner join marts.invoice_prefills as prefills on prefills.id = 'PRE-' || n % {_PREFILLS};
            insert into marts.invoice_prefill_line_entries (line_id, time_entry_id, raw_seconds, billable_seconds)
            select 'LIN-' || n % {_LINES}, 'CLK-' || n, 1, 1 from generate_series(0, {_ENTRIES - 1}) as n;
            analyze marts.invoice_prefills, marts.invoice_prefill_lines, marts.invoice_prefill_line_entries;
            """
        )
        query = """
            select prefills.*, lines.*, entries.*
            from marts.invoice_prefills as prefills
            inner join marts.invoice_prefill_lines as lines on lines.prefill_id = prefills.id
            left join marts.invoice_prefill_line_entries as entries on entries.line_id = lines.id
            where prefills.client_id = 'CLI-7' and prefills.invoice_month = '2025-06-01'
        """
        rows = connection.execute(query).fetchall()
        plan = "\n".join(line for (line,) in connection.execute(f"explain {query}"))

    assert len(rows) == _ENTRIES // _PREFILLS
    # By the clock: benchmarks.analyst_queries. What makes it quick is that lines and their entries are not read whole.
    assert "Seq Scan on invoice_prefill_line" not in plan, plan
    assert plan.count("Index") >= 2, plan
