"""Invoices as they are kept: one, many, and what happened to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from invoicing.errors import InvoicingError

_COLUMNS: Final[LiteralString] = """
    select
        id, kind, invoice_number as number, client_id, buyer ->> 'name' as client, currency::text as currency,
        invoice_month as month, status, issue_date, due_date, supply_from, supply_to, subtotal, tax_rate, tax,
        total, settled, prefill_hash,
        credited_at is not null as is_credited,
        coalesce((
            select event_type = 'disputed' from billing.invoice_events
            where invoice_id = invoices.id and event_type in ('disputed', 'dispute_ended')
            order by id desc limit 1
        ), false) as is_disputed,
        corrects_invoice_id, notes
    from billing.invoices
"""


@dataclass(frozen=True)
class Invoice:
    """An issued invoice or credit note."""

    id: str
    kind: str
    number: str
    client_id: str
    client: str
    currency: str
    month: date
    status: str
    issue_date: date
    due_date: date
    supply_from: date
    supply_to: date
    subtotal: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal
    settled: Decimal
    prefill_hash: str
    is_credited: bool
    is_disputed: bool
    corrects_invoice_id: str | None
    notes: str | None

    @property
    def open(self) -> Decimal:
        """What is still to be paid; negative on a credit note that is to be paid back."""
        return Decimal(0) if self.status == "canceled" else self.total - self.settled

    def state(self, today: date) -> str:
        """Its status on a day: `overdue` where something is open after the due date, which no table stores."""
        if self.kind == "invoice" and self.open and self.status in ("sent", "partial") and today > self.due_date:
            return "overdue"
        return self.status


@dataclass(frozen=True)
class InvoiceLine:
    """A line as the client reads it."""

    position: int
    description: str
    billable_seconds: int
    quantity: Decimal
    unit_price: Decimal
    rate_multiplier: Decimal
    line_total: Decimal


@dataclass(frozen=True)
class InvoiceEvent:
    """What somebody did to an invoice."""

    occurred_at: datetime
    event_type: str
    actor: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Settlement:
    """A payment, credit note or write-off, as far as it settles one invoice; negative where it was taken back."""

    id: str
    kind: str
    method: str
    on_date: date
    amount: Decimal
    reference: str | None


@dataclass(frozen=True)
class Record:
    """Everything about one invoice."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    settlements: Sequence[Settlement]
    events: Sequence[InvoiceEvent]


def read_invoice(connection: psycopg.Connection, number: str) -> Invoice:
    """An issued invoice or credit note by its number or identifier.

    Raises:
        InvoicingError: there is none.
    """
    with connection.cursor(row_factory=class_row(Invoice)) as cursor:
        found = cursor.execute(
            _COLUMNS + "where (id = %s or invoice_number = %s) and status <> 'draft'", (number, number)
        ).fetchone()
    if found is None:
        raise InvoicingError(f"There is no invoice {number}; `workledger invoice list` shows them all.")
    return found


def list_invoices(
    connection: psycopg.Connection, *, client_id: str | None = None, only_open: bool = False
) -> Sequence[Invoice]:
    """Issued invoices and credit notes, newest first.

    Args:
        connection: of a role that reads schema `billing`.
        client_id: of one client; None is all.
        only_open: those of which something is still to be paid.
    """
    with connection.cursor(row_factory=class_row(Invoice)) as cursor:
        return cursor.execute(
            _COLUMNS
            + "where status <> 'draft' and client_id = coalesce(%s, client_id)"
            + " and (not %s or status <> 'canceled' and total <> settled)"
            + " order by issue_date desc, series, number desc",
            (client_id, only_open),
        ).fetchall()


def read_record(connection: psycopg.Connection, number: str) -> Record:
    """An invoice with its lines, what settles it, and its history.

    Raises:
        InvoicingError: there is none.
    """
    invoice = read_invoice(connection, number)
    with connection.cursor(row_factory=class_row(InvoiceLine)) as cursor:
        lines = cursor.execute(
            "select position, description, billable_seconds, quantity, unit_price, rate_multiplier, line_total"
            " from billing.invoice_line_items where invoice_id = %s order by position",
            (invoice.id,),
        ).fetchall()
    with connection.cursor(row_factory=class_row(Settlement)) as cursor:
        settlements = cursor.execute(
            "select coalesce(payment_id, credit_note_id) as id, kind, method, received_at::date as on_date, amount,"
            " reference from billing.invoice_payments where invoice_id = %s order by created_at, id",
            (invoice.id,),
        ).fetchall()
    with connection.cursor(row_factory=class_row(InvoiceEvent)) as cursor:
        events = cursor.execute(
            "select occurred_at, event_type, actor, payload from billing.invoice_events"
            " where invoice_id = %s order by id",
            (invoice.id,),
        ).fetchall()
    return Record(invoice, lines, settlements, events)
