"""`workledger invoice`: a person's decisions on invoices, taken as role owner; `invoicing` carries them out."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing import issuing, payments
from invoicing.prefills import find_client, month_from, read_prefill
from invoicing.records import Invoice, list_invoices, read_record
from orchestration.commands.decisions import Notify, hours, opened, print_table, say, who
from orchestration.settings import Settings


def preview(settings: Settings, client: str, month: str, currency: str | None, notify: Notify) -> None:
    """Print a prefill with its lines, warnings and hash, and the command that issues it."""
    with opened(settings, notify) as (connection, _):
        prefill = read_prefill(connection, client, month_from(month), currency)
    say(f"{prefill.client}, {prefill.month:%B %Y}, {prefill.payment_terms}")
    print_table(
        ("line", "hours", "price", "factor", "amount"),
        [
            (
                line["description"],
                hours(line["billable_seconds"]),
                line["unit_price"],
                line["rate_multiplier"],
                line["line_total"],
            )
            for line in prefill.lines
        ],
    )
    _print_totals(prefill.subtotal, prefill.tax_rate, prefill.tax, prefill.total, prefill.currency)
    for warned in prefill.warnings:
        say(f"warning {warned.code}: {warned.detail}")
    accepted = "".join(f" --accept {code}" for code in sorted({each.code for each in prefill.warnings}))
    say(f"hash {prefill.hash}")
    chosen = f" --currency {prefill.currency}" if currency else ""
    notify(
        f"To issue it: workledger invoice issue {prefill.client_id} {month}{chosen} --expect {prefill.hash}{accepted}"
    )


def issue(
    settings: Settings, client: str, month: str, actor: str | None, options: Mapping[str, Any], notify: Notify
) -> None:
    """Issue an invoice and print its number."""
    with opened(settings, notify) as (connection, today):
        outcome = issuing.issue(connection, client, month_from(month), actor=who(actor), today=today, **options)
    done = "is issued" if outcome.is_new else "was issued before"
    invoice = outcome.invoice
    say(f"{invoice.number} {done}: {invoice.total} {invoice.currency}, due {invoice.due_date}.")


def list_all(settings: Settings, client: str | None, only_open: bool, notify: Notify) -> None:
    """Print invoices and credit notes, newest first."""
    with opened(settings, notify) as (connection, today):
        client_id = find_client(connection, client)[0] if client else None
        found = list_invoices(connection, client_id=client_id, only_open=only_open)
    print_table(
        ("number", "date", "client", "month", "state", "due", "currency", "total", "open"),
        [
            (
                one.number,
                one.issue_date,
                one.client,
                f"{one.month:%Y-%m}",
                _state(one, today),
                one.due_date,
                one.currency,
                one.total,
                one.open,
            )
            for one in found
        ],
    )


def show(settings: Settings, number: str, notify: Notify) -> None:
    """Print an invoice with its lines, payments and history."""
    with opened(settings, notify) as (connection, today):
        record = read_record(connection, number)
    invoice = record.invoice
    kind = "Invoice" if invoice.kind == "invoice" else "Credit note"
    say(
        f"{kind} {invoice.number} to {invoice.client}, {invoice.issue_date}, {_state(invoice, today)}, "
        f"due {invoice.due_date}, for {invoice.supply_from} to {invoice.supply_to}"
    )
    print_table(
        ("line", "hours", "price", "factor", "amount"),
        [
            (line.description, hours(line.billable_seconds), line.unit_price, line.rate_multiplier, line.line_total)
            for line in record.lines
        ],
    )
    _print_totals(invoice.subtotal, invoice.tax_rate, invoice.tax, invoice.total, invoice.currency)
    say(f"open {invoice.open} {invoice.currency}")
    if record.settlements:
        print_table(
            ("settled by", "kind", "on", "amount", "reference"),
            [(one.id, one.kind, one.on_date, one.amount, one.reference or "") for one in record.settlements],
        )
    print_table(
        ("when", "what", "who", "details"),
        [
            (
                f"{event.occurred_at:%Y-%m-%d %H:%M}",
                event.event_type,
                event.actor,
                ", ".join(f"{name}: {value}" for name, value in event.payload.items() if value),
            )
            for event in record.events
        ],
    )


def cancel(settings: Settings, number: str, reason: str, actor: str | None, notify: Notify) -> None:
    """Cancel an invoice."""
    with opened(settings, notify) as (connection, today):
        outcome = issuing.cancel(connection, number, actor=who(actor), today=today, reason=reason)
    done = "is canceled" if outcome.is_new else "was canceled before"
    say(f"{outcome.invoice.number} {done}; {outcome.invoice.month:%Y-%m} can be issued again.")


def credit(
    settings: Settings, number: str, reason: str, issue_date: date | None, actor: str | None, notify: Notify
) -> None:
    """Write a credit note and print its number."""
    with opened(settings, notify) as (connection, today):
        outcome = issuing.credit(
            connection, number, actor=who(actor), today=today, reason=reason, issue_date=issue_date
        )
    note = outcome.invoice
    done = "credits" if outcome.is_new else "has credited"
    owed = f"; {-note.open} {note.currency} are to be paid back" if note.open else ""
    say(f"{note.number} {done} {number}: {note.total} {note.currency}{owed}.")


def pay(
    settings: Settings, number: str, amount: Decimal, actor: str | None, options: Mapping[str, Any], notify: Notify
) -> None:
    """Record a payment and print what is still open."""
    with opened(settings, notify) as (connection, today):
        paid = payments.pay(connection, number, amount, actor=who(actor), today=today, **options)
    _say_paid(paid, "is recorded")


def write_off(
    settings: Settings, number: str, amount: Decimal, actor: str | None, options: Mapping[str, Any], notify: Notify
) -> None:
    """Write an amount off and print what is still open."""
    with opened(settings, notify) as (connection, today):
        paid = payments.write_off(connection, number, amount, actor=who(actor), today=today, **options)
    _say_paid(paid, "is written off")


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _state(invoice: Invoice, today: date) -> str:
    return "credited" if invoice.is_credited else invoice.state(today)


def _say_paid(paid: payments.Paid, done: str) -> None:
    invoice = paid.invoice
    again = done if paid.is_new else done.replace("is", "was", 1) + " before"
    rest = f"; {paid.unapplied} {invoice.currency} remain unapplied" if paid.unapplied else ""
    say(
        f"{paid.payment_id} {again}: {paid.allocated} {invoice.currency} of {invoice.number}, "
        f"{invoice.open} {invoice.currency} open{rest}."
    )


def _print_totals(subtotal: Decimal, tax_rate: Decimal, tax: Decimal, total: Decimal, currency: str) -> None:
    say(f"subtotal {subtotal}, tax {tax} ({tax_rate * 100:.2f} %), total {total} {currency}")
