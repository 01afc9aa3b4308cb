"""Disputes: a client contests an invoice, and until the dispute ends no reminder of it is due (rule 10.24)."""

import psycopg
from psycopg.types.json import Jsonb

from invoicing.errors import InvoicingError
from invoicing.issuing import lock_invoice
from invoicing.records import Invoice, read_invoice


def dispute(connection: psycopg.Connection, number: str, *, actor: str, reason: str) -> tuple[Invoice, bool]:
    """Record that a client disputes an invoice.

    Args:
        connection: of role owner.
        number: of the invoice, or its identifier.
        actor: who records it.
        reason: what the client says.

    Returns:
        The invoice, and whether this is new; False where it was disputed already, and nothing was changed.

    Raises:
        InvoicingError: it is canceled, credited or a credit note. Nothing was changed.
    """
    with connection.transaction():
        invoice = lock_invoice(connection, number)
        if invoice.is_disputed:
            return invoice, False
        if invoice.kind == "credit_note":
            raise InvoicingError(f"{invoice.number} is a credit note; dispute the invoice that it corrects.")
        if invoice.status == "canceled" or invoice.is_credited:
            what = "credited" if invoice.is_credited else "canceled"
            raise InvoicingError(f"{invoice.number} is {what}; nothing of it is left to dispute.")
        return _recorded(connection, invoice, "disputed", actor, reason), True


def end_dispute(connection: psycopg.Connection, number: str, *, actor: str, reason: str) -> tuple[Invoice, bool]:
    """Record that a dispute has ended.

    Args:
        connection: of role owner.
        number: of the invoice, or its identifier.
        actor: who records it.
        reason: how it ended.

    Returns:
        The invoice, and whether this is new; False where it was not disputed, and nothing was changed.

    Raises:
        InvoicingError: there is no such invoice.
    """
    with connection.transaction():
        invoice = lock_invoice(connection, number)
        if not invoice.is_disputed:
            return invoice, False
        return _recorded(connection, invoice, "dispute_ended", actor, reason), True


def _recorded(connection: psycopg.Connection, invoice: Invoice, what: str, actor: str, reason: str) -> Invoice:
    connection.execute(
        "insert into billing.invoice_events (invoice_id, event_type, actor, payload) values (%s, %s, %s, %s)",
        (invoice.id, what, actor, Jsonb({"reason": reason})),
    )
    return read_invoice(connection, invoice.id)
