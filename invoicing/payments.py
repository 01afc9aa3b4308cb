"""Payments by hand: what a client has paid, what is written off, and what is taken back (rule 10.11)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from invoicing.errors import InvoicingError
from invoicing.records import Invoice, read_invoice

Method = Literal["ach", "card", "wire", "check", "other"]

_CENT: Final = Decimal("0.01")
_MOST: Final = Decimal(10) ** 12
"""What a column of numeric(14, 2) can hold."""


@dataclass(frozen=True)
class Paid:
    """A payment that was recorded, and the invoice after it."""

    payment_id: str
    invoice: Invoice
    allocated: Decimal
    unapplied: Decimal
    """What is beyond the invoice's open amount, and stays with the client."""
    is_new: bool
    """False where the same payment had been recorded before; nothing was changed then."""


def pay(
    connection: psycopg.Connection,
    number: str,
    amount: Decimal,
    *,
    actor: str,
    today: date,
    on: date | None = None,
    method: Method = "wire",
    reference: str | None = None,
) -> Paid:
    """Record that a client has paid an invoice, or got back what a credit note owes.

    A payment of the same invoice, amount, day, method and reference is one payment, however often it is recorded.

    Args:
        connection: of role owner.
        number: of the invoice or credit note.
        amount: in its currency, above 0; what is beyond the open amount stays unapplied.
        actor: who records it.
        today: the day of as_of.
        on: when the money came; None is today.
        method: how it was paid.
        reference: what the payer wrote.

    Raises:
        InvoicingError: the invoice is canceled or has nothing open, or amount or day make no sense. Nothing was
            changed.
    """
    return _settle(connection, number, amount, actor, today, on or today, method, reference, write_off=False)


def write_off(
    connection: psycopg.Connection,
    number: str,
    amount: Decimal,
    *,
    actor: str,
    today: date,
    reason: str,
    on: date | None = None,
) -> Paid:
    """Give up a part of an invoice, or all that is open: the invoice stays as it is and owes that much less.

    Args:
        connection: of role owner.
        number: of the invoice.
        amount: in its currency, above 0 and at most what is open.
        actor: who decides.
        today: the day of as_of.
        reason: why.
        on: as of when; None is today.

    Raises:
        InvoicingError: it is more than is open, or the invoice is canceled or a credit note. Nothing was changed.
    """
    return _settle(connection, number, amount, actor, today, on or today, "other", reason, write_off=True)


def undo(
    connection: psycopg.Connection,
    payment_id: str,
    *,
    actor: str,
    reason: str,
    on: date | None = None,
    rule: str = "undo",
) -> tuple[str, ...]:
    """Take a payment or write-off back by an opposite one; what it settled is open again.

    With a bank deposit go the fees and exchange differences beside it, and the payer that was remembered from it. A
    payment by hand is parted from its deposit, which can be matched anew.

    Args:
        connection: of role owner.
        payment_id: of the payment.
        actor: who decides.
        reason: why.
        on: the day on which the money went back; None if it never came, so that the payment counts on no day.
        rule: kept with the allocations that take back.

    Returns:
        Numbers of the invoices that are open again; none if it had been taken back before.

    Raises:
        InvoicingError: there is no such payment, or it is itself the taking back of one.
    """
    with connection.transaction():
        lock(connection, payment_id)
        found = connection.execute(
            "select reverses_payment_id from billing.payments where id = %s", (payment_id,)
        ).fetchone()
        if found is None:
            raise InvoicingError(
                f"There is no payment {payment_id}; `workledger invoice show` names those of an invoice."
            )
        if found[0] is not None:
            raise InvoicingError(f"{payment_id} takes {found[0]} back; record the payment again instead.")
        if connection.execute(
            "select 1 from billing.payments where reverses_payment_id = %s", (payment_id,)
        ).fetchone():
            return ()
        numbers = []
        for each in (*_beside(connection, payment_id), payment_id):
            for invoice_id in _reverse(connection, each, actor, reason, on, rule):
                invoice = read_invoice(connection, invoice_id)
                numbers.append(invoice.number)
                _record(connection, invoice, "payment_reversed", actor, {"payment": each, "reason": reason})
        connection.execute(
            "update billing.payer_aliases set withdrawn_at = clock_timestamp()"
            " where payment_id = %s and withdrawn_at is null",
            (payment_id,),
        )
        connection.execute(
            "update billing.joined_deposits set parted_at = clock_timestamp()"
            " where payment_id = %s and parted_at is null",
            (payment_id,),
        )
    return tuple(dict.fromkeys(numbers))


def lock(connection: psycopg.Connection, payment_id: str) -> None:
    """Let one at a time decide about a payment; two at once would both find it as it was."""
    key = f"workledger.payment|{payment_id}"
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _beside(connection: psycopg.Connection, payment_id: str) -> list[str]:
    """Fees and exchange differences of the same deposit, which stand as long as the receipt does."""
    rows = connection.execute(
        """
        select beside.id
        from billing.payments as p
        inner join billing.payments as beside
            on p.bank_transaction_id = beside.bank_transaction_id and beside.kind in ('fee', 'fx_difference')
        where
            p.id = %s and p.kind = 'receipt' and beside.reverses_payment_id is null
            and not exists (select 1 from billing.payments as r where r.reverses_payment_id = beside.id)
        order by beside.id
        """,
        (payment_id,),
    ).fetchall()
    return [one for (one,) in rows]


def _reverse(
    connection: psycopg.Connection, payment_id: str, actor: str, reason: str, on: date | None, rule: str
) -> list[str]:
    """Insert the opposite of a payment and of its allocations; return the invoices that these settled."""
    reopened = connection.execute(
        """
        insert into billing.payment_allocations (
            payment_id, invoice_id, amount, payment_amount, effective_on, reverses_allocation_id, match_rule, reasons,
            actor
        )
        select
            a.payment_id, a.invoice_id, -a.amount, -a.payment_amount, greatest(a.effective_on, %(on)s), a.id, %(rule)s,
            jsonb_build_array(%(reason)s::text), %(actor)s
        from billing.payment_allocations as a
        where a.payment_id = %(payment)s and a.reverses_allocation_id is null and not exists (
            select 1 from billing.payment_allocations as r where r.reverses_allocation_id = a.id
        )
        order by a.invoice_id
        returning invoice_id
        """,
        {"on": on, "reason": reason, "rule": rule, "actor": actor, "payment": payment_id},
    ).fetchall()
    connection.execute(
        """
        insert into billing.payments (
            id, client_id, method, source, bank_transaction_id, kind, received_on, amount, currency, reference,
            reverses_payment_id, actor, idempotency_key
        )
        select
            %(id)s, client_id, method, source, bank_transaction_id, kind, greatest(received_on, %(on)s), -amount,
            currency, %(reason)s, id, %(actor)s, 'undo:' || id
        from billing.payments
        where id = %(payment)s
        """,
        {"id": _new_id(), "on": on, "reason": reason, "actor": actor, "payment": payment_id},
    )
    return [one for (one,) in reopened]


def _settle(
    connection: psycopg.Connection,
    number: str,
    amount: Decimal,
    actor: str,
    today: date,
    on: date,
    method: Method,
    reference: str | None,
    *,
    write_off: bool,
) -> Paid:
    if not amount.is_finite() or not 0 < amount < _MOST or amount != amount.quantize(_CENT):
        raise InvoicingError(f"The amount {amount} must be above 0 and have two decimals at most.")
    amount = amount.quantize(_CENT)
    if on > today:
        raise InvoicingError(f"The day {on} is in the future; today is {today}.")
    with connection.transaction():
        invoice = read_invoice(connection, number)
        # Before anything is looked at, so that two at once see each other.
        connection.execute("select 1 from billing.invoices where id = %s for no key update", (invoice.id,))
        invoice = read_invoice(connection, invoice.id)
        kind = "write_off" if write_off else "receipt" if invoice.kind == "invoice" else "refund"
        key = _key(kind, invoice.id, amount, on, method, reference)
        known = connection.execute(
            "select id, allocated, amount from billing.payments where idempotency_key = %s", (key,)
        ).fetchone()
        if known is not None:
            return Paid(known[0], invoice, abs(known[1]), abs(known[2] - known[1]), is_new=False)
        _refuse(invoice, amount, kind)
        # Money that goes to the client is negative, and so is what a credit note owes.
        sign = -1 if kind == "refund" else 1
        settled = min(amount, abs(invoice.open))
        payment_id = _new_id()
        connection.execute(
            "insert into billing.payments"
            " (id, client_id, method, source, kind, received_on, amount, currency, reference, actor, idempotency_key)"
            " values (%s, %s, %s, 'manual', %s, %s, %s, %s, %s, %s, %s)",
            (
                payment_id,
                invoice.client_id,
                method,
                kind,
                on,
                sign * amount,
                invoice.currency,
                reference,
                actor,
                key,
            ),
        )
        connection.execute(
            "insert into billing.payment_allocations"
            " (payment_id, invoice_id, amount, payment_amount, effective_on, match_rule, actor)"
            " values (%s, %s, %s, %s, greatest(%s, %s), 'by_hand', %s)",
            (payment_id, invoice.id, sign * settled, sign * settled, on, invoice.issue_date, actor),
        )
        what = "written_off" if write_off else "payment_allocated"
        payload = {"payment": payment_id, "amount": str(settled), "on": str(on), "reference": reference}
        _record(connection, invoice, what, actor, payload)
    return Paid(payment_id, read_invoice(connection, invoice.id), settled, amount - settled, is_new=True)


def _refuse(invoice: Invoice, amount: Decimal, kind: str) -> None:
    if invoice.status == "canceled":
        raise InvoicingError(f"{invoice.number} is canceled; pay the invoice that took its place.")
    if kind == "write_off" and invoice.kind == "credit_note":
        raise InvoicingError(
            f"{invoice.number} is a credit note; what it owes is paid back (`workledger invoice pay`)."
        )
    if not invoice.open:
        raise InvoicingError(f"{invoice.number} is settled; nothing of it is open.")
    if kind in ("write_off", "refund") and amount > abs(invoice.open):
        raise InvoicingError(
            f"{amount} is more than the {abs(invoice.open)} {invoice.currency} that are open on {invoice.number}."
        )


def _key(kind: str, invoice_id: str, amount: Decimal, on: date, method: str, reference: str | None) -> str:
    described = f"{kind}|{invoice_id}|{amount:.2f}|{on}|{method}|{reference or ''}"
    return f"by_hand:{hashlib.sha256(described.encode()).hexdigest()[:32]}"


def _new_id() -> str:
    return f"PAY-{uuid4().hex[:12]}"


def _record(
    connection: psycopg.Connection, invoice: Invoice, what: str, actor: str, payload: Mapping[str, Any]
) -> None:
    connection.execute(
        "insert into billing.invoice_events (invoice_id, event_type, actor, payload) values (%s, %s, %s, %s)",
        (invoice.id, what, actor, Jsonb(payload)),
    )
