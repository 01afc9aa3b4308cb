"""Issuing, canceling, crediting: what a decision leads to, and what is refused."""

import re
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit, due_date
from invoicing.paper.documents import read_document
from invoicing.prefills import Warned, read_prefill
from invoicing.records import list_invoices, read_record
from tests.invoicing.books import JUNE, MAY, TODAY, ZERO, Books
from tests.invoicing.paper.papers import pages


def test_a_prefill_becomes_an_invoice_with_number_lines_entries_and_event(books: Books) -> None:
    client = books.client()
    books.prefill(client, totals=["601.67", "0.00", "233.33"], tax_rate="0.19")
    outcome = books.issued(client, notes="Thank you")
    invoice = outcome.invoice
    assert outcome.is_new
    assert invoice.number.startswith("LW-2026-")
    assert (invoice.status, invoice.issue_date, invoice.due_date) == ("sent", TODAY, date(2026, 8, 9))
    assert (invoice.subtotal, invoice.tax, invoice.total) == (Decimal("835.00"), Decimal("158.65"), Decimal("993.65"))
    assert (invoice.supply_from, invoice.supply_to) == (JUNE, date(2026, 6, 30))
    with books.connect() as connection:
        record = read_record(connection, invoice.number)
    assert [line.line_total for line in record.lines] == [Decimal("601.67"), Decimal("0.00"), Decimal("233.33")]
    assert [(event.event_type, event.actor) for event in record.events] == [("issued", "ada")]
    [(entries, snapshots, text)] = books.rows(
        "select count(*), count(entry_snapshot ->> 'description'), min(billing_rule_snapshot::text)"
        " from billing.invoice_line_entries inner join billing.invoice_line_items on line_id = id"
        " where invoice_id = %s",
        (invoice.id,),
    )
    assert (entries, snapshots) == (6, 6)
    assert text == '{"hourly_rate": 100.10}', "the agreement is kept to the digit"
    [(seller, buyer)] = books.rows("select seller, buyer from billing.invoices where id = %s", (invoice.id,))
    assert (seller["bank"], buyer["city"]) == ("Riverbend Bank 5809", "Riverbend")
    assert "invoice_number_format" not in seller


@pytest.mark.parametrize(
    ("issued", "terms", "due"),
    [
        (date(2026, 1, 31), "net30", date(2026, 3, 2)),
        (date(2024, 2, 29), "net15", date(2024, 3, 15)),
        (date(2026, 12, 31), "due_on_receipt", date(2026, 12, 31)),
        (date(2026, 1, 1), "net60", date(2026, 3, 2)),
    ],
)
def test_due_date_is_the_issue_date_plus_the_payment_terms(issued: date, terms: str, due: date) -> None:
    assert due_date(issued, terms) == due


def test_issuing_again_returns_the_same_invoice_and_changes_nothing(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    first = books.issued(client, expect=books.hash(client))
    again = books.issued(client)
    assert (again.invoice, again.is_new) == (first.invoice, False)
    # Also when work that came later has changed the prefill.
    books.prefill(client, totals=["1000.00", "5.00"])
    assert books.issued(client, expect=first.invoice.prefill_hash).invoice == first.invoice
    with pytest.raises(InvoicingError, match=f"invoiced already by {first.invoice.number}"):
        books.issued(client, expect=books.hash(client))


@pytest.mark.parametrize(
    "change",
    [
        "update marts.invoice_prefill_lines set description = 'Other' where prefill_id like %s",
        "update marts.time_entries set description = 'Other' where id like %s",
        "update marts.clients set city = 'Elsewhere' where 'PRE-' || id || '-USD-202606' like %s",
        'update marts.invoice_prefills set warnings = \'[{"code": "capped", "detail": "x"}]\' where id like %s',
    ],
)
def test_expect_refuses_a_bill_that_has_changed_since_it_was_looked_at(books: Books, change: str) -> None:
    client = books.client()
    books.prefill(client)
    looked_at = books.hash(client)
    assert looked_at == books.hash(client)
    books.change(change, (f"%PRE-{client}-%",))
    with pytest.raises(InvoicingError, match=f"has changed since it was looked at.*not {looked_at}"):
        books.issued(client, expect=looked_at, accept=["capped"])
    assert books.issued(client, expect=books.hash(client), accept=["capped"]).is_new


def test_warnings_are_accepted_by_name(books: Books) -> None:
    client = books.client()
    books.prefill(client, warnings=[Warned("capped", "2:00 lie beyond the cap."), Warned("long_entry", "16:30.")])
    with pytest.raises(InvoicingError, match=r"capped: 2:00 lie.*--accept capped --accept long_entry"):
        books.issued(client)
    with pytest.raises(InvoicingError, match=r"long_entry: 16:30\. Fix them, or accept them by name \(--accept long"):
        books.issued(client, accept=["capped"])
    invoice = books.issued(client, accept=["capped", "long_entry"]).invoice
    [(accepted,)] = books.rows("select accepted_warnings from billing.invoices where id = %s", (invoice.id,))
    assert [one["code"] for one in accepted] == ["capped", "long_entry"]


def test_what_cannot_be_invoiced_is_said(books: Books) -> None:
    client = books.client()
    with pytest.raises(InvoicingError, match="There is no client Nobody"):
        books.issued("Nobody")
    with pytest.raises(InvoicingError, match="no prefill for 2026-06"):
        books.issued(client)
    books.prefill(client, totals=["-50.00"])
    with pytest.raises(InvoicingError, match=r"negative \(-50.00\)"):
        books.issued(client)
    books.prefill(client, totals=["0.00"])
    with pytest.raises(InvoicingError, match="--allow-zero"):
        books.issued(client)
    assert books.issued(client, allow_zero=True).invoice.total == 0
    books.prefill(client, MAY)
    with pytest.raises(InvoicingError, match="2026-07-11 is in the future; today is 2026-07-10"):
        books.issued(client, MAY, issue_date=date(2026, 7, 11))
    with pytest.raises(InvoicingError, match="before 2026-07-10, the date of the last invoice"):
        books.issued(client, MAY, issue_date=date(2026, 7, 9))


def test_a_half_built_prefill_is_refused(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    books.change(
        "update marts.invoice_prefills set subtotal = 1000.01, total = 1000.01 where client_id = %s", (client,)
    )
    with pytest.raises(InvoicingError, match="does not add up with its lines"):
        books.issued(client)


def test_two_currencies_are_two_invoices(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    books.prefill(client, currency="EUR", totals=["70.00"])
    with pytest.raises(InvoicingError, match="in EUR and USD; say in which currency"):
        books.issued(client)
    euros = books.issued(client, currency="EUR").invoice
    with pytest.raises(InvoicingError, match="in EUR and USD; say in which currency"):
        books.issued(client)
    assert books.issued(client, currency="USD").invoice.id != euros.id
    assert books.issued(client, currency="EUR").invoice == euros


def test_what_every_invoice_shows_is_asked_for(books: Books) -> None:
    client = books.client()
    books.prefill(client, tax_rate="0.2")
    before = books.rows("select address, tax_id, invoice_number_format from intermediate.int_identity__agency")[0]
    change = "update intermediate.int_identity__agency set address = %s, tax_id = %s, invoice_number_format = %s"
    try:
        books.change(change, (None, None, None))
        with pytest.raises(InvoicingError, match=r"agency\.csv lacks address, tax_id, invoice_number_format"):
            books.issued(client)
    finally:
        books.change(change, before)
    assert books.issued(client).is_new


def test_numbers_begin_again_with_the_year_and_each_client_may_have_its_own(books: Books) -> None:
    before = books.rows("select invoice_number_format from intermediate.int_identity__agency")[0]
    change = "update intermediate.int_identity__agency set invoice_number_format = %s"
    first, second = books.client(), books.client()
    later = date(2027, 1, 5)
    try:
        books.change(change, ("{client}/{year}-{number:03}",))
        numbers = []
        for client, month, today in (
            (first, MAY, TODAY),
            (second, MAY, TODAY),
            (first, JUNE, TODAY),
            (second, JUNE, later),
        ):
            books.prefill(client, month)
            numbers.append(books.issued(client, month, today=today).invoice.number[5:])
    finally:
        books.change(change, before)
    assert numbers == ["/2026-001", "/2026-001", "/2026-002", "/2027-001"]


def test_a_client_may_have_a_format_of_its_own(books: Books) -> None:
    own, other = books.client(), books.client()
    change = "update marts.clients set invoice_number_format = %s where id = %s"
    books.change(change, ("ACME-{year}-{number:03}", own))
    numbers = []
    for client, month in ((own, MAY), (other, MAY), (own, JUNE)):
        books.prefill(client, month)
        numbers.append(books.issued(client, month).invoice.number)
    assert (numbers[0], numbers[2]) == ("ACME-2026-001", "ACME-2026-002")
    assert numbers[1].startswith("LW-2026-")
    with books.connect() as connection:
        note = credit(connection, numbers[2], actor="ada", today=TODAY, reason="wrong").invoice
    assert note.number == "ACME-2026-003"
    # Another client's format that gives the same numbers is refused, and leaves nothing.
    books.change(change, ("ACME-{year}-{number:03}", other))
    books.prefill(other, JUNE)
    with pytest.raises(InvoicingError, match=r"Number ACME-2026-001 was given before, in another series"):
        books.issued(other, JUNE)
    books.change(change, ("X{year}{month}", other))
    assert books.issued(other, JUNE).invoice.number.startswith("X2026071")


def test_a_canceled_month_is_issued_again_with_the_next_number(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    first = books.issued(client).invoice
    with books.connect() as connection:
        canceled = cancel(connection, first.number, actor="bob", today=TODAY, reason="wrong client")
        assert (canceled.invoice.status, canceled.invoice.open, canceled.is_new) == ("canceled", ZERO, True)
        assert not cancel(connection, first.number, actor="bob", today=TODAY, reason="again").is_new
        events = [(event.event_type, event.actor) for event in read_record(connection, first.number).events]
    assert events == [("issued", "ada"), ("canceled", "bob")]
    second = books.issued(client).invoice
    assert int(second.number[-4:]) == int(first.number[-4:]) + 1
    assert books.rows(
        "select count(*), bool_and(is_live) from billing.invoices where client_id = %s and is_live", (client,)
    ) == [(1, True)]


def test_complaint_12_a_void_keeps_the_record_and_leaves_no_credit_behind(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    invoice = books.issued(client).invoice
    with books.connect() as connection:
        cancel(connection, invoice.number, actor="bob", today=TODAY, reason="typo")
        record = read_record(connection, invoice.number)
        assert (record.invoice.total, len(record.lines), record.settlements) == (Decimal("1000.00"), 1, [])
    assert not books.rows("select 1 from billing.ar_open(%s) where client_id = %s", (TODAY, client))
    # As of a day before it was canceled it was open.
    books.prefill(client, MAY)
    earlier = books.issued(client, MAY).invoice
    with books.connect() as connection:
        cancel(connection, earlier.number, actor="bob", today=date(2026, 7, 20), reason="typo")
    assert books.rows("select open_amount from billing.ar_open('2026-07-19') where client_id = %s", (client,)) == [
        (Decimal("1000.00"),)
    ]
    assert not books.rows("select 1 from billing.ar_open('2026-07-20') where client_id = %s", (client,))


def test_a_delivered_invoice_is_corrected_by_a_credit_note_and_never_canceled(books: Books) -> None:
    client = books.client()
    books.prefill(client, totals=["601.67", "233.33"], tax_rate="0.19")
    invoice = books.issued(client).invoice
    with books.connect() as connection:
        connection.execute(
            "insert into billing.deliveries (id, invoice_id, document_sha256, channel, target, idempotency_key, state)"
            " values ('DEL-1', %s, repeat('0', 64), 'email', 'x@example.com', 'DEL-1', 'delivered')",
            (invoice.id,),
        )
        with pytest.raises(InvoicingError, match="has left the house"):
            cancel(connection, invoice.number, actor="bob", today=TODAY, reason="typo")
        with pytest.raises(psycopg.errors.RestrictViolation, match="has left the house"):
            connection.execute(
                "update billing.invoices set status = 'canceled', canceled_on = issue_date, canceled_at = now()"
                " where id = %s",
                (invoice.id,),
            )
        note = credit(connection, invoice.number, actor="bob", today=TODAY, reason="wrong rate").invoice
        assert (note.kind, note.total, note.open, note.status) == ("credit_note", -invoice.total, ZERO, "paid")
        assert not credit(connection, invoice.number, actor="bob", today=TODAY, reason="wrong rate").is_new
        mirrored = read_record(connection, note.number)
        original = read_record(connection, invoice.number)
        with pytest.raises(InvoicingError, match="a credit note itself"):
            credit(connection, note.number, actor="bob", today=TODAY, reason="x")
        with pytest.raises(InvoicingError, match="is a credit note and stays"):
            cancel(connection, note.number, actor="bob", today=TODAY, reason="x")
        with pytest.raises(InvoicingError, match="has a credit note already"):
            cancel(connection, invoice.number, actor="bob", today=TODAY, reason="x")
    assert [(-line.line_total, -line.quantity, line.unit_price, line.description) for line in mirrored.lines] == [
        (line.line_total, line.quantity, line.unit_price, line.description) for line in original.lines
    ]
    assert (original.invoice.is_credited, original.invoice.open, original.invoice.total) == (True, ZERO, invoice.total)
    # The month can be billed again.
    second = books.issued(client)
    assert second.is_new
    assert not {second.invoice.id} & {invoice.id, note.id}


def test_overdue_follows_the_day_and_is_stored_nowhere(books: Books) -> None:
    client = books.client("net15")
    books.prefill(client)
    invoice = books.issued(client).invoice
    assert invoice.due_date == date(2026, 7, 25)
    assert (invoice.state(date(2026, 7, 25)), invoice.state(date(2026, 7, 26))) == ("sent", "overdue")
    with books.connect() as connection:
        [listed] = list_invoices(connection, client_id=client, only_open=True)
        assert listed == invoice
        with pytest.raises(psycopg.errors.RestrictViolation, match="sent to overdue is no step"):
            connection.execute("update billing.invoices set status = 'overdue' where id = %s", (invoice.id,))


def test_complaint_10_totals_are_the_same_to_the_cent_wherever_they_are_read(books: Books) -> None:
    client = books.client()
    books.prefill(client, totals=["0.07", "33.33", "66.67"], tax_rate="0.0725")
    with books.connect() as connection:
        prefill = read_prefill(connection, client, JUNE)
        invoice = books.issued(client).invoice
        record = read_record(connection, invoice.number)
        [listed] = list_invoices(connection, client_id=client)
        pdf = read_document(connection, invoice.number, "pdf")
    assert pdf is not None
    assert re.search(r"Subtotal\s+100\.07\s.*\s7\.26\s+Total, USD\s+107\.33\b", pages(pdf.content)[0], re.DOTALL)
    seen = {prefill.total, invoice.total, record.invoice.total, listed.total}
    seen.add(sum((line.line_total for line in record.lines), Decimal(0)) + invoice.tax)
    [(cents, opened)] = books.rows(
        "select total_cents, open_amount from billing.invoices inner join billing.ar_open(%s) on invoice_id = id"
        " where id = %s",
        (TODAY, invoice.id),
    )
    assert seen | {opened, Decimal(cents) / 100} == {Decimal("107.33")}
