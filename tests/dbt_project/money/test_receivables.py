"""From raw rows of the bank to a paid invoice: deposits, what waits, aging and days sales outstanding, all as built."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.cash import apply, match
from invoicing.issuing import issue
from invoicing.matching import Match
from tests.dbt_project.conftest import DbtProject

_MARCH = date(2026, 3, 1)
_ISSUED = date(2026, 3, 31)
_AS_OF = date(2026, 6, 10)
_BUILT = (
    "+ar_aging",
    "+days_sales_outstanding",
    "+unmatched_deposits",
    "+dunning_due",
    "+invoice_prefill_line_entries",
)
_PREFILLED = (
    "+invoice_prefills",
    "+invoice_prefill_line_entries",
    "+int_reports__entry_amounts",
    "+clients",
    "+time_entries",
)

_RAW: dict[str, list[dict[str, Any]]] = {
    "reference.agency": [
        {
            "legal_name": "Agency",
            "currency": "USD",
            "timezone": "UTC",
            "calendar": "default",
            "address": "1 Pier Road",
            "tax_id": "00-1",
            "invoice_number_format": "A-{year}-{number:04}",
        }
    ],
    "reference.client_terms": [{"client": "Acme", "billing_model": "hourly", "currency": "EUR", "tax_rate": 0}],
    "reference.fixed_lines": [
        {"client": "acme", "description": "Care", "amount": Decimal("300.00"), "valid_from": "2026-03-01"},
    ],
    "reference.fx_rates": [
        {"date": "2026-03-01", "from_currency": "EUR", "to_currency": "USD", "rate": Decimal("1.1")}
    ],
    "reference.accounts": [
        {"plaid_account_id": "acc", "label": "Main", "scope": "business", "account_type": "checking"}
    ],
    "reference.dunning_levels": [{"level": 1, "days_past_due": 7, "title": "Reminder", "minimum_amount": 1}],
    "reference.payment_fees": [{"pattern": r"\bwire\b", "currency": "EUR", "fixed_fee": 5, "fee_share": 0}],
    "clockify.clients": [{"id": "c1", "name": "Acme"}],
    "plaid.items": [{"item_id": "bank"}],
    "plaid.accounts": [{"account_id": "acc", "item_id": "bank", "type": "depository", "subtype": "checking"}],
}


def _row(name: str, amount: str, text: str, day: str, *, payer: str | None = None, **columns: Any) -> Mapping[str, Any]:
    return {
        "transaction_id": name,
        "item_id": "bank",
        "account_id": "acc",
        "amount": -Decimal(amount),
        "iso_currency_code": "EUR",
        "date": day,
        "pending": False,
        "name": text,
        "category_primary": "INCOME",
        "update_number": 1,
        "record": {"payment_meta": {"payer": payer, "payment_method": "Wire"}},
        **columns,
    }


def _deposits(number: str) -> list[Mapping[str, Any]]:
    return [
        _row("pending", "300", f"INVOICE {number}", "2026-05-02", pending=True),
        _row("part", "100", f"INVOICE {number}", "2026-05-04", payer="Acme"),
        _row("fee", "197.50", f"WIRE INVOICE {number}", "2026-06-05", payer="Acme"),
        _row("other", "20", "TRF", "2026-06-06", payer="Somebody"),
        _row("interest", "2", "INTEREST", "2026-06-07", category_detailed="INCOME_INTEREST_EARNED"),
    ]


@pytest.fixture(scope="module")
def number(dbt_project: DbtProject) -> str:
    """The number of an invoice of 300.00 EUR, due on 30 April."""
    dbt_project.load(_RAW)
    dbt_project.build(*_PREFILLED, as_of=str(_ISSUED))
    with dbt_project.warehouse.connect("owner") as connection:
        return issue(
            connection, "Acme", _MARCH, actor="ada", today=_ISSUED, currency="EUR", accept=["month_not_over"]
        ).invoice.number


def _read(dbt_project: DbtProject, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in dbt_project.rows(query)]


def test_deposits_become_payments_and_receivables_follow(dbt_project: DbtProject, number: str) -> None:
    dbt_project.load(
        {
            "plaid.transactions": _deposits(number),
        }
    )
    dbt_project.build(*_BUILT, as_of=str(_AS_OF))
    assert (
        _read(dbt_project, "select id is not null, why from reports.unmatched_deposits")
        == [(True, "not looked at yet: `workledger cash match`")] * 3
    )
    # Overdue for 41 days, and nothing of it was matched yet.
    assert _read(dbt_project, "select invoice_number, level, due_since, open_amount from reports.dunning_due") == [
        (number, 1, date(2026, 5, 7), Decimal("300.00"))
    ]
    with dbt_project.warehouse.connect("owner") as connection:
        found = {one.row.id: one.outcome for one in match(connection, actor="ada").found}
    rules = {name: one.rule for name, one in found.items() if isinstance(one, Match)}
    assert rules == {"part": "number_partial", "fee": "number_less_fee"}
    dbt_project.build(*_BUILT, as_of=str(_AS_OF))
    assert _read(dbt_project, "select amount, payer, why from reports.unmatched_deposits") == [
        (Decimal("20.00"), "Somebody", "it names no invoice, and the payer is unknown")
    ]
    aging = "select as_of, bucket, days_past_due, open_amount, agency_open_amount from marts.ar_aging order by as_of"
    assert _read(dbt_project, aging) == [
        (date(2026, 3, 31), "current", 0, Decimal("300.00"), Decimal("330.00")),
        (date(2026, 4, 30), "current", 0, Decimal("300.00"), Decimal("330.00")),
        (date(2026, 5, 31), "31-60", 31, Decimal("200.00"), Decimal("220.00")),
    ]
    outstanding = (
        "select as_of, currency, is_agency, receivable, sales, dso_simple_days, dso_countback_days"
        " from marts.days_sales_outstanding where as_of >= '2026-05-31' order by as_of, is_agency"
    )
    assert _read(dbt_project, outstanding) == [
        (date(2026, 5, 31), "EUR", False, Decimal("200.00"), Decimal("300.00"), Decimal("60.0"), Decimal("81.7")),
        (date(2026, 5, 31), "USD", True, Decimal("220.00"), Decimal("330.00"), Decimal("60.0"), Decimal("81.7")),
        (_AS_OF, "EUR", False, Decimal("0.00"), Decimal("300.00"), Decimal("0.0"), Decimal("0.0")),
        (_AS_OF, "USD", True, Decimal("0.00"), Decimal("330.00"), Decimal("0.0"), Decimal("0.0")),
    ]
    assert _read(dbt_project, "select * from reports.dunning_due") == []


def test_unapplied_money_is_a_bucket_of_its_own_and_a_removal_takes_it_back(
    dbt_project: DbtProject, number: str
) -> None:
    dbt_project.load(
        {
            "plaid.transactions": [*_deposits(number), _row("again", "310", f"INVOICE {number}", "2026-06-08")],
            "plaid.transaction_removals": [
                {"transaction_id": name, "item_id": "bank", "update_number": 2, "removed_at": "2026-06-09T00:00:00Z"}
                for name in ("part", "fee")
            ],
        }
    )
    dbt_project.build(*_BUILT, as_of=str(_AS_OF))
    with dbt_project.warehouse.connect("owner") as connection:
        assert len(match(connection, actor="ada").taken_back) == 2
        [(deposit,)] = connection.execute("select id from reports.unmatched_deposits where amount = 310").fetchall()
        assert apply(connection, deposit, [number], actor="ada").unapplied == Decimal("10.00")
    dbt_project.build(*_BUILT, as_of=str(_AS_OF))
    sums = "select as_of, bucket, open_amount from marts.ar_aging order by as_of"
    assert _read(dbt_project, sums) == [
        (date(2026, 3, 31), "current", Decimal("300.00")),
        (date(2026, 4, 30), "current", Decimal("300.00")),
        (date(2026, 5, 31), "31-60", Decimal("300.00")),
        (_AS_OF, "unapplied", Decimal("-10.00")),
    ]
    assert _read(
        dbt_project,
        "select count(*) from marts.ar_aging as a where not exists ("
        " select 1 from billing.ar_open(a.as_of) as o where o.open_amount = a.open_amount)",
    ) == [(0,)]


def test_finance_reads_what_waits_and_analysts_see_no_account(dbt_project: DbtProject, number: str) -> None:
    for role in ("finance", "analyst"):
        with dbt_project.warehouse.connect(role) as connection:
            cursor = connection.execute("select * from reports.unmatched_deposits")
            names = {column.name for column in cursor.description or ()}
            assert not {one for one in names if "account" in one}
            connection.execute("select 1 from marts.ar_aging, marts.days_sales_outstanding, reports.dunning_due")
