"""`workledger invoice`: a person's decisions on invoices, taken as role owner; `invoicing` carries them out."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from invoicing import disputes, issuing, payments
from invoicing.errors import InvoicingError
from invoicing.paper.documents import Kind, read_document
from invoicing.paper.e_invoice import as_sentence, missing_cells
from invoicing.paper.html import Part
from invoicing.paper.making import complete, unprinted
from invoicing.prefills import find_client, month_from, read_prefill
from invoicing.records import Invoice, list_invoices, read_record
from orchestration.commands.decisions import Notify, hours, opened, print_table, say, who
from orchestration.errors import WorkledgerError
from orchestration.inputs.paper import printer
from orchestration.settings import Settings


def preview(
    settings: Settings, client: str, month: str, currency: str | None, pdf: Path | None, notify: Notify
) -> None:
    """Print a prefill with its lines, warnings and hash, and the command that issues it; with `pdf`, write a draft."""
    with opened(settings, notify) as (connection, _):
        prefill = read_prefill(connection, client, month_from(month), currency)
        draft = issuing.draft_pdf(connection, prefill, printer(settings)) if pdf else b""
    if pdf:
        _write(pdf, draft, notify)
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
    if cells := missing_cells(prefill.seller, prefill.buyer, prefill.currency, prefill.tax_rate):
        say(as_sentence(cells, prefill.client))
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
        outcome = issuing.issue(
            connection,
            client,
            month_from(month),
            actor=who(actor),
            today=today,
            printer=printer(settings),
            **options,
        )
    done = "is issued" if outcome.is_new else "was issued before"
    invoice = outcome.invoice
    say(f"{invoice.number} {done}: {invoice.total} {invoice.currency}, due {invoice.due_date}.")
    _say_unprinted(outcome, notify)


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


def write_documents(
    settings: Settings,
    number: str,
    files: Mapping[str, Path],
    actor: str | None,
    notify: Notify,
) -> None:
    """Write documents of an invoice to files, as they are stored; what is not stored yet is made, once.

    Args:
        settings: all.
        number: of the invoice.
        files: by what they hold: pdf, appendix, canceled, xml or ubl.
        actor: who asks.
        notify: says what was written.

    Raises:
        InvoicingError: there is no such document, or it cannot be printed.
        WorkledgerError: a file cannot be written.
    """
    with opened(settings, notify) as (connection, _):
        for what, file in files.items():
            if what in _SYNTAXES:
                found = read_document(connection, number, _SYNTAXES[what])
                if found is None:
                    raise InvoicingError(
                        f"{number} has no e-invoice: e_invoice in clients.csv was not true when it was issued."
                    )
            else:
                found = complete(connection, number, _PARTS[what], printer(settings), actor=who(actor))
            _write(file, found.content, notify)


def print_missing(settings: Settings, actor: str | None, notify: Notify) -> None:
    """Make every PDF that could not be made when its document was, and stop at the first that still cannot."""
    with opened(settings, notify) as (connection, _):
        missing = unprinted(connection)
        for number, part in missing:
            complete(connection, number, part, printer(settings), actor=who(actor))
            say(f"{number}: the PDF is stored{'' if part == 'document' else f' ({part})'}.")
    if not missing:
        say("Every document has its PDF.")


def cancel(settings: Settings, number: str, reason: str, actor: str | None, notify: Notify) -> None:
    """Cancel an invoice."""
    with opened(settings, notify) as (connection, today):
        outcome = issuing.cancel(
            connection, number, actor=who(actor), today=today, reason=reason, printer=printer(settings)
        )
    done = "is canceled" if outcome.is_new else "was canceled before"
    say(f"{outcome.invoice.number} {done}; {outcome.invoice.month:%Y-%m} can be issued again.")
    _say_unprinted(outcome, notify)


def credit(
    settings: Settings, number: str, reason: str, issue_date: date | None, actor: str | None, notify: Notify
) -> None:
    """Write a credit note and print its number."""
    with opened(settings, notify) as (connection, today):
        outcome = issuing.credit(
            connection,
            number,
            actor=who(actor),
            today=today,
            reason=reason,
            issue_date=issue_date,
            printer=printer(settings),
        )
    note = outcome.invoice
    done = "credits" if outcome.is_new else "has credited"
    owed = f"; {-note.open} {note.currency} are to be paid back" if note.open else ""
    say(f"{note.number} {done} {number}: {note.total} {note.currency}{owed}.")
    _say_unprinted(outcome, notify)


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


def dispute(settings: Settings, number: str, reason: str, actor: str | None, notify: Notify) -> None:
    """Record that a client disputes an invoice."""
    with opened(settings, notify) as (connection, _):
        invoice, is_new = disputes.dispute(connection, number, actor=who(actor), reason=reason)
    done = "is disputed" if is_new else "was disputed before"
    say(f"{invoice.number} {done}; no reminder of it is due until `workledger invoice end-dispute {invoice.number}`.")


def end_dispute(settings: Settings, number: str, reason: str, actor: str | None, notify: Notify) -> None:
    """Record that a dispute has ended."""
    with opened(settings, notify) as (connection, _):
        invoice, is_new = disputes.end_dispute(connection, number, actor=who(actor), reason=reason)
    say(f"{invoice.number} {'is no longer' if is_new else 'was not'} disputed.")


_SYNTAXES: Final[Mapping[str, Kind]] = {"xml": "cii", "ubl": "ubl"}
_PARTS: Final[Mapping[str, Part]] = {"pdf": "document", "appendix": "appendix", "canceled": "canceled"}

# --- from here on: how it is done ---------------------------------------------------------------------------------


def _write(file: Path, content: bytes, notify: Notify) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise WorkledgerError(f"{file} cannot be written ({error.strerror}); name another file.") from error
    notify(f"{file} is written.")


def _say_unprinted(outcome: issuing.Outcome, notify: Notify) -> None:
    if outcome.unprinted:
        notify(f"{outcome.unprinted} The PDF is not made yet; `workledger invoice print` makes it.")


def _state(invoice: Invoice, today: date) -> str:
    if invoice.is_credited:
        return "credited"
    return "disputed" if invoice.is_disputed and invoice.open else invoice.state(today)


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
