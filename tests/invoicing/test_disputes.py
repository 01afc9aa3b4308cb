"""A client disputes an invoice: it is on record once, stops no payment, and ends once."""

from decimal import Decimal

import pytest

from invoicing.disputes import dispute, end_dispute
from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit
from invoicing.payments import pay
from invoicing.records import list_invoices, read_record
from tests.invoicing.books import MAY, TODAY, Books


def test_a_dispute_is_recorded_once_and_ends_once(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    number = books.issued(client).invoice.number
    with books.connect() as connection:
        assert end_dispute(connection, number, actor="ada", reason="none")[1] is False
        for is_new in (True, False):
            invoice, found_new = dispute(connection, number, actor="ada", reason="hours")
            assert (invoice.is_disputed, found_new) == (True, is_new)
        assert [one.is_disputed for one in list_invoices(connection, client_id=client)] == [True]
        # It is owed and can be paid as before.
        assert pay(connection, number, Decimal(400), actor="ada", today=TODAY).invoice.open == Decimal("600.00")
        for is_new in (True, False):
            invoice, found_new = end_dispute(connection, number, actor="bob", reason="agreed")
            assert (invoice.is_disputed, found_new) == (False, is_new)
        assert dispute(connection, number, actor="ada", reason="again")[0].is_disputed
        history = [(one.event_type, one.actor) for one in read_record(connection, number).events]
    disputes = [one for one in history if "dispute" in one[0]]
    assert disputes == [("disputed", "ada"), ("dispute_ended", "bob"), ("disputed", "ada")]


def test_what_is_no_longer_owed_is_not_disputed(books: Books) -> None:
    client = books.client()
    books.prefill(client, MAY)
    books.prefill(client)
    with books.connect() as connection:
        canceled = cancel(
            connection, books.issued(client, MAY).invoice.number, actor="ada", today=TODAY, reason="x"
        ).invoice
        credited = books.issued(client).invoice
        note = credit(connection, credited.number, actor="ada", today=TODAY, reason="x").invoice
        for number, said in ((canceled.number, "is canceled"), (credited.number, "is credited"), (note.number, "note")):
            with pytest.raises(InvoicingError, match=said):
                dispute(connection, number, actor="ada", reason="x")
        with pytest.raises(InvoicingError, match="There is no invoice X"):
            end_dispute(connection, "X", actor="ada", reason="x")
