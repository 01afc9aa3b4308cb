"""Payments by hand: what they settle, what stays, and how they are taken back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit
from invoicing.payments import pay, undo, write_off
from invoicing.records import Invoice, read_invoice, read_record
from tests.invoicing.books import MAY, TODAY, ZERO, Books


def _sent(books: Books, *totals: str, **options: Any) -> Invoice:
    client = books.client()
    books.prefill(client, totals=totals or ("1000.00",))
    return books.issued(client, **options).invoice


def _receivable(books: Books, client: str, as_of: date = TODAY) -> dict[str, Decimal]:
    rows = books.rows(
        "select bucket, sum(open_amount) from billing.ar_open(%s) where client_id = %s group by bucket", (as_of, client)
    )
    return dict(rows)


def test_complaint_05_a_partial_deposit_does_not_mark_the_whole_invoice_paid(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        paid = pay(connection, invoice.number, Decimal("999.99"), actor="ada", today=TODAY, reference="first")
        assert (paid.invoice.status, paid.invoice.open, paid.unapplied) == ("partial", Decimal("0.01"), ZERO)
        paid = pay(connection, invoice.number, Decimal("0.01"), actor="ada", today=TODAY, reference="second")
        assert (paid.invoice.status, paid.invoice.open) == ("paid", ZERO)
        with pytest.raises(InvoicingError, match="is settled; nothing of it is open"):
            pay(connection, invoice.number, Decimal("0.01"), actor="ada", today=TODAY, reference="third")
        events = [event.event_type for event in read_record(connection, invoice.number).events]
    assert events == ["issued", "payment_allocated", "payment_allocated"]


def test_complaint_06_an_overpayment_stays_whole_with_the_client_and_changes_one_invoice(books: Books) -> None:
    invoice = _sent(books)
    books.prefill(invoice.client_id, MAY, totals=["30.00"])
    other = books.issued(invoice.client_id, MAY).invoice
    with books.connect() as connection:
        paid = pay(connection, invoice.number, Decimal("1030.00"), actor="ada", today=TODAY)
        assert (paid.allocated, paid.unapplied, paid.invoice.open) == (Decimal("1000.00"), Decimal("30.00"), ZERO)
        assert read_invoice(connection, other.number).open == Decimal("30.00")
    assert _receivable(books, invoice.client_id) == {"current": Decimal("30.00"), "unapplied": Decimal("-30.00")}


def test_the_same_payment_recorded_twice_is_one(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        first, again = (
            pay(connection, invoice.number, Decimal("400"), actor="ada", today=TODAY, reference="R1") for _ in range(2)
        )
        assert (again.payment_id, again.is_new, again.invoice.open) == (first.payment_id, False, Decimal("600.00"))
        other = pay(connection, invoice.number, Decimal("400"), actor="ada", today=TODAY, reference="R2")
    assert (other.is_new, other.invoice.open) == (True, Decimal("200.00"))


@pytest.mark.parametrize(
    ("amount", "on", "said"),
    [
        ("0", None, "must be above 0"),
        ("-5", None, "must be above 0"),
        ("1.005", None, "two decimals at most"),
        ("nan", None, "must be above 0"),
        ("1e12", None, "must be above 0"),
        ("5", date(2026, 7, 11), "2026-07-11 is in the future"),
    ],
)
def test_what_is_no_payment_is_refused(books: Books, amount: str, on: date | None, said: str) -> None:
    invoice = _sent(books)
    with books.connect() as connection, pytest.raises(InvoicingError, match=said):
        pay(connection, invoice.number, Decimal(amount), actor="ada", today=TODAY, on=on)


def test_a_canceled_invoice_is_not_paid_and_a_paid_one_not_canceled(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        pay(connection, invoice.number, Decimal("1"), actor="ada", today=TODAY)
        with pytest.raises(InvoicingError, match=r"settled with 1\.00 USD and cannot be canceled"):
            cancel(connection, invoice.number, actor="ada", today=TODAY, reason="x")
        other = _sent(books)
        cancel(connection, other.number, actor="ada", today=TODAY, reason="x")
        with pytest.raises(InvoicingError, match="is canceled"):
            pay(connection, other.number, Decimal("1"), actor="ada", today=TODAY)


def test_a_write_off_takes_no_more_than_is_open(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        pay(connection, invoice.number, Decimal("995.50"), actor="ada", today=TODAY)
        with pytest.raises(InvoicingError, match=r"4\.51 is more than the 4\.50 USD"):
            write_off(connection, invoice.number, Decimal("4.51"), actor="ada", today=TODAY, reason="bank fee")
        written = write_off(connection, invoice.number, Decimal("4.50"), actor="ada", today=TODAY, reason="bank fee")
        assert (written.invoice.status, written.invoice.open, written.invoice.total) == ("paid", ZERO, invoice.total)
        kinds = [one.kind for one in read_record(connection, invoice.number).settlements]
    assert kinds == ["receipt", "write_off"]


def test_a_payment_taken_back_is_open_again_and_both_stay_on_record(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        paid = pay(connection, invoice.number, Decimal("1200"), actor="ada", today=TODAY)
        reopened = undo(connection, paid.payment_id, actor="bob", on=date(2026, 7, 20), reason="bounced")
        assert reopened == (invoice.number,)
        assert undo(connection, paid.payment_id, actor="bob", reason="bounced") == ()
        record = read_record(connection, invoice.number)
        assert (record.invoice.status, record.invoice.open) == ("sent", Decimal("1000.00"))
        assert [one.amount for one in record.settlements] == [Decimal("1000.00"), Decimal("-1000.00")]
        [(back,)] = connection.execute(
            "select id from billing.payments where reverses_payment_id = %s", (paid.payment_id,)
        ).fetchall()
        with pytest.raises(InvoicingError, match="record the payment again instead"):
            undo(connection, back, actor="bob", reason="x")
        with pytest.raises(InvoicingError, match="There is no payment PAY-0"):
            undo(connection, "PAY-0", actor="bob", reason="x")
        again = pay(connection, invoice.number, Decimal("900"), actor="ada", today=date(2026, 7, 21))
        assert again.invoice.status == "partial"
        # One that never came counts on no day.
        undo(connection, again.payment_id, actor="bob", reason="typed into the wrong invoice")
    assert _receivable(books, invoice.client_id, date(2026, 7, 19)) == {"unapplied": Decimal("-200.00")}
    assert _receivable(books, invoice.client_id, date(2026, 7, 22)) == {"current": Decimal("1000.00")}


def test_what_was_paid_before_a_credit_note_is_owed_on_the_note_and_paid_back(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        pay(connection, invoice.number, Decimal("300"), actor="ada", today=TODAY)
        note = credit(connection, invoice.number, actor="ada", today=TODAY, reason="wrong").invoice
        assert (note.total, note.open, note.status) == (Decimal("-1000.00"), Decimal("-300.00"), "partial")
        assert read_invoice(connection, invoice.number).status == "paid"
        with pytest.raises(InvoicingError, match=r"300\.01 is more than the 300\.00"):
            pay(connection, note.number, Decimal("300.01"), actor="ada", today=TODAY)
        back = pay(connection, note.number, Decimal("300"), actor="ada", today=TODAY)
        assert (back.invoice.status, back.invoice.open) == ("paid", ZERO)
    [(amount, kind)] = books.rows("select amount, kind from billing.payments where id = %s", (back.payment_id,))
    assert (amount, kind) == (Decimal("-300.00"), "refund")
    assert _receivable(books, invoice.client_id) == {}


def test_complaint_15_a_credit_note_settles_its_invoice_without_a_payment(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        note = credit(connection, invoice.number, actor="ada", today=TODAY, reason="wrong").invoice
        [settlement] = read_record(connection, invoice.number).settlements
    assert (settlement.kind, settlement.id, settlement.reference) == ("credit_note", note.id, note.number)
    assert books.rows("select count(*) from billing.payments where client_id = %s", (invoice.client_id,)) == [(0,)]


def test_complaint_14_aging_of_a_past_date_knows_what_was_paid_later_and_its_buckets_sum(books: Books) -> None:
    """Complaint 14 in four parts: paid later, days to the date, buckets and the whole, advances."""
    invoice = _sent(books, issue_date=TODAY)
    with books.connect() as connection:
        paid_on = date(2026, 9, 1)
        pay(connection, invoice.number, Decimal("1100"), actor="ada", today=paid_on)
    due = invoice.due_date
    for as_of, bucket in (
        (TODAY, "current"),
        (due, "current"),
        (date(2026, 8, 10), "1-30"),
        (date(2026, 8, 31), "1-30"),
    ):
        assert _receivable(books, invoice.client_id, as_of) == {bucket: Decimal("1000.00")}, as_of
    [(days,)] = books.rows(
        "select days_past_due from billing.ar_open('2026-08-31') where invoice_id = %s", (invoice.id,)
    )
    assert days == (date(2026, 8, 31) - due).days
    assert _receivable(books, invoice.client_id, paid_on) == {"unapplied": Decimal("-100.00")}
    assert _receivable(books, invoice.client_id, date(2026, 7, 9)) == {}
    # What was known at the beginning of that day's records: nothing yet.
    assert not books.rows(
        "select 1 from billing.ar_open(%s, '2000-01-01') where client_id = %s", (paid_on, invoice.client_id)
    )


def test_the_seeds_columns_are_there_by_name(books: Books) -> None:
    invoice = _sent(books)
    with books.connect() as connection:
        pay(connection, invoice.number, Decimal("12.34"), actor="ada", today=TODAY, method="check", reference="No 5")
    assert books.rows(
        "select invoice_id, amount_cents, method, received_at::date, reference from billing.invoice_payments"
        " where invoice_id = %s",
        (invoice.id,),
    ) == [(invoice.id, 1234, "check", TODAY, "No 5")]
    books.rows(
        "select id, client_id, project_id, invoice_number, currency, status, issue_date, due_date, subtotal_cents,"
        " tax_cents, total_cents, notes, metadata, created_at, updated_at from billing.invoices"
    )
    books.rows(
        "select id, invoice_id, time_entry_id, description, quantity, unit_price_cents, amount_cents,"
        " billing_rule_snapshot from billing.invoice_line_items"
    )
