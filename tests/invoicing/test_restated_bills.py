"""Recording and settling what changed after it was billed, and what the database refuses; builds find it, elsewhere."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from psycopg.types.json import Jsonb

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel
from invoicing.records import Invoice
from invoicing.restatements import record
from tests.invoicing.books import JUNE, TODAY, ZERO, Books

JULY = date(2026, 7, 1)
_TABLE = """
    create table if not exists intermediate.int_billing__restatements (
        client_id text, currency text, restated_month date, invoice_id text, time_entry_id text, prefill_line_id text,
        was_seconds bigint, now_seconds bigint, was_amount numeric, now_amount numeric, line_id text
    );
"""


def _built(books: Books, invoice: Invoice, differences: Sequence[tuple[str, int, str]], billed_by: str = "") -> None:
    """What a build finds of an invoice: by entry, seconds and amount beyond an hour and 100.00."""
    books.change(_TABLE)
    for table in ("billed_months", "restatements"):
        books.change(f"delete from intermediate.int_billing__{table} where invoice_id = %s", (invoice.id,))
    books.change(
        "insert into intermediate.int_billing__billed_months values (%s, 'USD', %s, %s, %s)",
        (invoice.client_id, invoice.month, invoice.id, billed_by or invoice.id),
    )
    for entry, seconds, amount in differences:
        books.change(
            "insert into intermediate.int_billing__restatements"
            " values (%s, 'USD', %s, %s, %s, null, 3600, %s, 100, %s, 'LIN-1')",
            (invoice.client_id, invoice.month, invoice.id, entry, 3600 + seconds, 100 + Decimal(amount)),
        )


def _restated(books: Books, invoice: Invoice) -> list[tuple[str, int, int, Decimal]]:
    return books.rows(
        "select time_entry_id, was_seconds, now_seconds, amount from billing.restatements where invoice_id = %s"
        " order by found_at, time_entry_id",
        (invoice.id,),
    )


def _adjusted(books: Books, invoice: Invoice, total: str) -> None:
    """The bill of July is an adjustment of the invoice."""
    books.prefill(invoice.client_id, JULY, totals=[total])
    snapshot = {"restated_month": "2026-06-01", "restated_invoice_id": invoice.id, "billed_by": invoice.id}
    books.change(
        "update marts.invoice_prefill_lines set basis = 'adjustment', line_type = 'adjustment',"
        " billing_rule_snapshot = %s where prefill_id = %s",
        (Jsonb(snapshot), f"PRE-{invoice.client_id}-USD-202607"),
    )


@pytest.fixture
def june(books: Books) -> Invoice:
    """A client's invoice of June, of 1,000.00."""
    client = books.client()
    books.prefill(client, JUNE)
    return books.issued(client, JUNE).invoice


def test_a_difference_is_recorded_once_and_again_only_by_what_changed(books: Books, june: Invoice) -> None:
    _built(books, june, [("TIM-1", 1800, "50"), ("TIM-2", -3600, "-100")])
    with books.connect() as connection:
        assert (record(connection), record(connection)) == (2, 0)
        _built(books, june, [("TIM-1", 720, "20"), ("TIM-2", -3600, "-100")])
        assert record(connection) == 1
        # Undone at last.
        _built(books, june, [("TIM-2", -3600, "-100")])
        assert (record(connection), record(connection)) == (1, 0)
    assert _restated(books, june) == [
        ("TIM-1", 3600, 5400, Decimal("50.00")),
        ("TIM-2", 3600, 0, Decimal("-100.00")),
        ("TIM-1", 5400, 4320, Decimal("-30.00")),
        ("TIM-1", 4320, 3600, Decimal("-20.00")),
    ]


def test_what_was_found_before_the_last_decision_is_left_to_the_next_build(books: Books, june: Invoice) -> None:
    _built(books, june, [("TIM-1", 1800, "50")], billed_by="INV-0")
    with books.connect() as connection:
        assert record(connection) == 0


def test_an_adjustment_settles_what_it_bills_and_no_more(books: Books, june: Invoice) -> None:
    _built(books, june, [("TIM-1", 1800, "50"), ("TIM-2", -720, "-20")])
    _adjusted(books, june, "50.00")
    with pytest.raises(InvoicingError, match="the warehouse is being built"):
        books.issued(june.client_id, JULY)
    assert _restated(books, june) == [], "nothing was changed"
    _adjusted(books, june, "30.00")
    july = books.issued(june.client_id, JULY).invoice
    assert books.rows(
        "select sum(r.amount), count(*) from billing.settled_restatements as s"
        " inner join billing.restatements as r on s.restatement_id = r.id"
        " inner join billing.invoice_line_items as l on s.line_id = l.id where l.invoice_id = %s",
        (july.id,),
    ) == [(Decimal("30.00"), 2)]
    with books.connect() as connection, pytest.raises(psycopg.errors.RestrictViolation, match="on an invoice already"):
        connection.execute(
            "insert into billing.settled_restatements select s.restatement_id, l.id from"
            " billing.settled_restatements as s, billing.invoice_line_items as l where l.invoice_id = %s limit 1",
            (june.id,),
        )


def test_a_month_that_was_built_as_invoiced_is_built_again_before_it_is_issued_again(
    books: Books, june: Invoice
) -> None:
    _built(books, june, [])
    with books.connect() as connection:
        cancel(connection, june.number, actor="bob", today=TODAY, reason="typo")
    with pytest.raises(InvoicingError, match=r"for 2026-06 has changed since the bill of .* was built; build it again"):
        books.issued(june.client_id, JUNE)
    books.change("delete from intermediate.int_billing__billed_months where invoice_id = %s", (june.id,))
    assert books.issued(june.client_id, JUNE).is_new


def test_a_negative_bill_is_a_credit_note_and_lives(books: Books, june: Invoice) -> None:
    _built(books, june, [("TIM-1", -3600, "-100")])
    _adjusted(books, june, "-100.00")
    note = books.issued(june.client_id, JULY).invoice
    assert (note.kind, note.open, note.corrects_invoice_id) == ("credit_note", ZERO, None)
    assert books.rows("select is_live from billing.invoices where id = %s", (note.id,)) == [(True,)]
    assert books.issued(june.client_id, JULY).invoice == note


@pytest.mark.parametrize(
    ("kind", "corrects", "total", "said"),
    [
        ("invoice", None, -10, "a_bill_is_a_credit_note_if_negative"),
        ("credit_note", None, 10, "a_bill_is_a_credit_note_if_negative"),
        ("invoice", "june", 10, "only_credit_notes_correct"),
    ],
)
def test_only_a_negative_bill_or_a_mirror_is_a_credit_note(
    books: Books, june: Invoice, kind: str, corrects: str | None, total: int, said: str
) -> None:
    with books.connect() as connection, pytest.raises(psycopg.errors.CheckViolation, match=said):
        connection.execute(
            "insert into billing.invoices (id, kind, corrects_invoice_id, client_id, currency, invoice_month,"
            " prefill_id, prefill_hash, payment_terms, subtotal, tax_rate, tax, total, seller, buyer)"
            " values ('INV-bbbbbbbb', %s, %s, 'CLI-x', 'USD', '2026-06-01', 'PRE', 'hash', 'net30', %s, 0, 0, %s,"
            " '{}', '{}')",
            (kind, june.id if corrects else None, total, total),
        )


def test_nobody_says_whether_an_invoice_is_live_but_its_state(books: Books, june: Invoice) -> None:
    with books.connect() as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update billing.invoices set is_live = false where id = %s", (june.id,))
        with connection.transaction(force_rollback=True):
            connection.execute(
                "insert into billing.invoices (id, is_live, client_id, currency, invoice_month, prefill_id,"
                " prefill_hash, payment_terms, subtotal, tax_rate, tax, total, seller, buyer) values ('INV-bbbbbbbb',"
                " false, 'CLI-x', 'USD', '2026-06-01', 'PRE', 'hash', 'net30', 1, 0, 0, 1, '{}', '{}')"
            )
            found = connection.execute("select is_live from billing.invoices where id = 'INV-bbbbbbbb'").fetchone()
    assert found == (True,)
