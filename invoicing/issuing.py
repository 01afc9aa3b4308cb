"""Issuing, canceling and crediting: the decisions that make, undo and correct an invoice (rules 10.7 to 10.10)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from invoicing.errors import InvoicingError
from invoicing.paper.contents import read_contents
from invoicing.paper.e_invoice import as_sentence, missing_cells
from invoicing.paper.html import Part, read_logo, render
from invoicing.paper.making import complete, make
from invoicing.paper.printing import Printer, print_pdf
from invoicing.prefills import Prefill, find_client, read_prefill
from invoicing.records import Invoice, read_invoice
from invoicing.restatements import refuse_stale, restated_invoices, settle
from sources.reference.invoice_numbers import NumberFormat

_DAYS: Final[Mapping[str, int]] = {"net15": 15, "net30": 30, "net45": 45, "net60": 60, "due_on_receipt": 0}
_AGENCY_SERIES: Final = "agency"

_INSERT_LINE: Final = """
    insert into billing.invoice_line_items (
        id, invoice_id, position, prefill_line_id, time_entry_id, basis, line_type, project_id, issue_key,
        contract_id, contract_period_id, application_id, billing_rule_id, rate_tier,
        description, raw_seconds, billable_seconds, quantity, unit_price, rate_multiplier, line_total, rate_source,
        billing_rule_snapshot
    )
    values (
        %(line_id)s, %(invoice_id)s, %(position)s, %(id)s, %(time_entry_id)s, %(basis)s, %(line_type)s,
        %(project_id)s, %(issue_key)s,
        %(contract_id)s, %(contract_period_id)s, %(application_id)s, %(billing_rule_id)s, %(rate_tier)s,
        %(description)s, %(raw_seconds)s, %(billable_seconds)s,
        %(quantity)s, %(unit_price)s,
        %(rate_multiplier)s, %(line_total)s, %(rate_source)s, coalesce(%(billing_rule_snapshot)s, '{}')::jsonb
    )
"""
_INSERT_ENTRY: Final = """
    insert into billing.invoice_line_entries (line_id, time_entry_id, raw_seconds, billable_seconds, amount,
    entry_snapshot)
    values (%(line_id)s, %(time_entry_id)s, %(raw_seconds)s, %(billable_seconds)s, %(amount)s, %(snapshot)s::jsonb)
"""


@dataclass(frozen=True)
class Outcome:
    """The invoice or credit note that a decision led to."""

    invoice: Invoice
    is_new: bool
    """False where the same decision had been carried out before; nothing was changed then."""
    unprinted: str | None = None
    """Why there is no PDF yet, where Gotenberg could not be asked; the decision holds all the same."""


def due_date(issue_date: date, payment_terms: str) -> date:
    """When an invoice is due (rule 10.2).

    Args:
        issue_date: its date.
        payment_terms: net15, net30, net45, net60 or due_on_receipt.
    """
    return issue_date + timedelta(days=_DAYS[payment_terms])


def issue(
    connection: psycopg.Connection,
    client: str,
    month: date,
    *,
    actor: str,
    today: date,
    currency: str | None = None,
    issue_date: date | None = None,
    expect: str | None = None,
    accept: Collection[str] = (),
    notes: str | None = None,
    allow_zero: bool = False,
    printer: Printer = Printer(),  # noqa: B008 - frozen
) -> Outcome:
    """Turn a prefill into an invoice with a number, at most once however often and by how many it is called.

    Args:
        connection: of role owner.
        client: identifier, account number or name.
        month: first day of the invoice's month.
        actor: who decides.
        today: the day of as_of.
        currency: ISO 4217; None if the month has one prefill.
        issue_date: the invoice's date; None is today.
        expect: hash of the prefill as it was looked at.
        accept: codes of the warnings that were looked at.
        notes: printed on the invoice.
        allow_zero: whether an invoice of 0 is meant.
        printer: how its documents are printed.

    Returns:
        The invoice; the one that bills the month already, if there is one.

    Raises:
        InvoicingError: the prefill has changed, has a warning that was not accepted, or cannot be invoiced; what is
            printed on every invoice is missing; or the date is out of order. Nothing was changed.
    """
    issue_date = issue_date or today
    if issue_date > today:
        raise InvoicingError(f"The issue date {issue_date} is in the future; today is {today}.")
    with connection.transaction():
        client_id, _ = find_client(connection, client)
        _lock(connection, client_id)
        live = _live_invoice(connection, client_id, month, currency)
        if live is not None:
            return _issued_already(live, expect)
        prefill = read_prefill(connection, client_id, month, currency)
        number_format = _refuse_unfit(prefill, expect, accept, allow_zero)
        refuse_stale(connection, prefill)
        invoice_id = _insert_invoice(connection, prefill, notes, accept)
        _insert_lines(connection, invoice_id, prefill)
        event = {"prefill_hash": prefill.hash, "accepted_warnings": sorted(set(accept))}
        _record(connection, invoice_id, "issued", actor, f"issued:{invoice_id}", event)
        is_of_client = number_format.is_of_client or prefill.has_own_series
        series = prefill.buyer["account_number"] if is_of_client else _AGENCY_SERIES
        account_number = prefill.buyer["account_number"]
        _take_number(connection, invoice_id, series, number_format, account_number, issue_date, prefill.payment_terms)
        make(connection, invoice_id, "document", printer)
        if prefill.total < 0:
            for corrected in restated_invoices(prefill.lines):
                _set_off(connection, invoice_id, corrected, issue_date, actor)
    return _outcome(connection, invoice_id, "document", printer, actor)


def draft_pdf(connection: psycopg.Connection, prefill: Prefill, printer: Printer) -> bytes:
    """A prefill as a PDF that says that it is a draft; nothing is kept of it.

    Args:
        connection: of role owner.
        prefill: as it was read.
        printer: how it is printed.

    Raises:
        InvoicingError: the month is invoiced already, or it cannot be printed.
    """
    live = _live_invoice(connection, prefill.client_id, prefill.month, prefill.currency)
    if live is not None:
        raise InvoicingError(
            f"The month is invoiced already; `workledger invoice show {live.number} --pdf FILE` writes its PDF."
        )
    with connection.transaction(force_rollback=True):
        invoice_id = _insert_invoice(connection, prefill, None, ())
        _insert_lines(connection, invoice_id, prefill)
        contents = read_contents(connection, invoice_id)
    html = render(contents, "draft", read_logo(printer.logo_folder, contents.logo))
    return print_pdf(printer, html, contents, "draft").content


def cancel(
    connection: psycopg.Connection,
    number: str,
    *,
    actor: str,
    today: date,
    reason: str,
    printer: Printer = Printer(),  # noqa: B008 - frozen
) -> Outcome:
    """Cancel an invoice that has not left the house; its number stays used, and its entries may be billed again.

    Args:
        connection: of role owner.
        number: of the invoice, or its identifier.
        actor: who decides.
        today: the day of as_of.
        reason: kept in the invoice's history.
        printer: how its canceled copy is printed.

    Raises:
        InvoicingError: it is paid in part or whole, was delivered, or is a credit note. Nothing was changed.
    """
    with connection.transaction():
        invoice = lock_invoice(connection, number)
        if invoice.status == "canceled":
            return Outcome(invoice, is_new=False)
        if invoice.kind == "credit_note":
            raise InvoicingError(f"{invoice.number} is a credit note and stays; issue the invoice again instead.")
        if invoice.is_credited:
            raise InvoicingError(f"{invoice.number} has a credit note already; there is nothing left to cancel.")
        if invoice.settled:
            raise InvoicingError(
                f"{invoice.number} is settled with {invoice.settled} {invoice.currency} and cannot be canceled; "
                "write a credit note (`workledger invoice credit`)."
            )
        left = connection.execute(
            "select channel, state from billing.deliveries"
            " where invoice_id = %s and state in ('sending', 'delivered', 'unknown') limit 1",
            (invoice.id,),
        ).fetchone()
        if left is not None:
            raise InvoicingError(
                f"{invoice.number} has left the house ({left[0]}: {left[1]}) and cannot be canceled; "
                "write a credit note (`workledger invoice credit`)."
            )
        _record(connection, invoice.id, "canceled", actor, f"canceled:{invoice.id}", {"reason": reason})
        connection.execute(
            "update billing.invoices set status = 'canceled', canceled_on = greatest(issue_date, %s),"
            " canceled_at = clock_timestamp() where id = %s",
            (today, invoice.id),
        )
        make(connection, invoice.id, "canceled", printer)
    return _outcome(connection, invoice.id, "canceled", printer, actor)


def credit(
    connection: psycopg.Connection,
    number: str,
    *,
    actor: str,
    today: date,
    reason: str,
    issue_date: date | None = None,
    printer: Printer = Printer(),  # noqa: B008 - frozen
) -> Outcome:
    """Correct an invoice by a credit note of the whole: its lines mirrored, set off against what is open.

    The month can then be issued again. What the client had paid stays open on the credit note, to be paid back.

    Args:
        connection: of role owner.
        number: of the invoice, or its identifier.
        actor: who decides.
        today: the day of as_of.
        reason: printed on the credit note.
        issue_date: the credit note's date; None is today.
        printer: how its documents are printed.

    Returns:
        The credit note; the one that was written before, if there is one.

    Raises:
        InvoicingError: it is canceled or a credit note itself, or the date is out of order. Nothing was changed.
    """
    issue_date = issue_date or today
    if issue_date > today:
        raise InvoicingError(f"The issue date {issue_date} is in the future; today is {today}.")
    with connection.transaction():
        invoice = lock_invoice(connection, number)
        if invoice.kind == "credit_note" or invoice.status == "canceled":
            what = "a credit note itself" if invoice.kind == "credit_note" else "canceled"
            raise InvoicingError(f"{invoice.number} is {what}, so there is nothing to credit.")
        if invoice.is_credited:
            written = connection.execute(
                "select id from billing.invoices where corrects_invoice_id = %s", (invoice.id,)
            ).fetchone()
            return Outcome(read_invoice(connection, written[0] if written else ""), is_new=False)
        note_id = _insert_mirror(connection, invoice, reason)
        _record(
            connection, note_id, "issued", actor, f"issued:{note_id}", {"credits": invoice.number, "reason": reason}
        )
        series, text, account_number = connection.execute(
            "select i.series, s.format, i.buyer ->> 'account_number' from billing.invoices as i"
            " inner join billing.number_series as s on i.series = s.series where i.id = %s",
            (invoice.id,),
        ).fetchall()[0]
        number_format = NumberFormat(text)
        _take_number(connection, note_id, series, number_format, account_number, issue_date, "due_on_receipt")
        note = read_invoice(connection, note_id)
        _set_off(connection, note.id, invoice.id, issue_date, actor)
        _record(
            connection, invoice.id, "credited", actor, f"credited:{invoice.id}", {"by": note.number, "reason": reason}
        )
        connection.execute("update billing.invoices set credited_at = clock_timestamp() where id = %s", (invoice.id,))
        make(connection, note_id, "document", printer)
    return _outcome(connection, note_id, "document", printer, actor)


def lock_invoice(connection: psycopg.Connection, number: str) -> Invoice:
    """An invoice, locked until the transaction ends, in the order in which issuing takes its locks.

    Args:
        connection: of role owner, within a transaction.
        number: of the invoice, or its identifier.

    Raises:
        InvoicingError: there is no such invoice.
    """
    found = read_invoice(connection, number)
    _lock(connection, found.client_id)
    connection.execute("select 1 from billing.invoices where id = %s for no key update", (found.id,))
    return read_invoice(connection, found.id)


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _outcome(connection: psycopg.Connection, invoice_id: str, part: Part, printer: Printer, actor: str) -> Outcome:
    """What was decided, once it is committed; Gotenberg is asked only now, because it may be slow or down."""
    unprinted = None
    if printer.gotenberg_url is not None:
        try:
            complete(connection, invoice_id, part, printer, actor=actor)
        except InvoicingError as error:
            unprinted = str(error)
    return Outcome(read_invoice(connection, invoice_id), is_new=True, unprinted=unprinted)


def _lock(connection: psycopg.Connection, client_id: str) -> None:
    """Let one caller at a time decide on a client, whose bills may adjust each other; others then find what it did."""
    key = f"workledger.invoice|{client_id}"
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


def _live_invoice(connection: psycopg.Connection, client_id: str, month: date, currency: str | None) -> Invoice | None:
    found = connection.execute(
        "select id from billing.invoices as i where is_live and client_id = %(client)s and invoice_month = %(month)s"
        " and (currency = %(currency)s or %(currency)s::text is null and not exists ("
        "  select 1 from marts.invoice_prefills as p where p.client_id = i.client_id"
        "  and p.invoice_month = i.invoice_month and p.currency <> i.currency))",
        {"client": client_id, "month": month, "currency": currency},
    ).fetchall()
    return read_invoice(connection, found[0][0]) if len(found) == 1 else None


def _issued_already(invoice: Invoice, expect: str | None) -> Outcome:
    if expect is not None and expect != invoice.prefill_hash:
        raise InvoicingError(
            f"The month is invoiced already by {invoice.number}, whose bill had hash {invoice.prefill_hash} and not "
            f"{expect}; look at it with `workledger invoice show {invoice.number}`."
        )
    return Outcome(invoice, is_new=False)


def _refuse_unfit(prefill: Prefill, expect: str | None, accept: Collection[str], allow_zero: bool) -> NumberFormat:
    if expect is not None and expect != prefill.hash:
        raise InvoicingError(
            f"The bill of {prefill.subject} has changed since it was looked at: it has hash {prefill.hash} now, not "
            f"{expect}. Look at it again (`workledger invoice preview`)."
        )
    left = [each for each in prefill.warnings if each.code not in accept]
    if left:
        codes = sorted({each.code for each in left})
        raise InvoicingError(
            f"The bill of {prefill.subject} has warnings that were not accepted: "
            + "; ".join(f"{each.code}: {each.detail.rstrip('.')}" for each in left[:5])
            + (f"; and {len(left) - 5} more" if len(left) > 5 else "")
            + f". Fix them, or accept them by name ({' '.join(f'--accept {code}' for code in codes)})."
        )
    if prefill.total < 0 and not restated_invoices(prefill.lines):
        raise InvoicingError(
            f"The bill of {prefill.subject} is negative ({prefill.total}); an invoice cannot be. Leave it until later "
            "work outweighs it, or credit the invoice that it corrects."
        )
    if not prefill.lines:
        raise InvoicingError(f"The bill of {prefill.subject} has no lines; there is nothing to invoice.")
    if not prefill.total and not allow_zero:
        raise InvoicingError(f"The bill of {prefill.subject} is 0; --allow-zero issues it all the same.")
    needed = ["legal_name", "address", *(["tax_id"] if prefill.tax else [])]
    missing = [name for name in needed if not prefill.seller.get(name)]
    if prefill.number_format is None:
        missing.append("invoice_number_format")
    if missing or prefill.number_format is None:
        raise InvoicingError(f"agency.csv lacks {', '.join(missing)}, which an invoice needs; fill in the cells.")
    cells = missing_cells(prefill.seller, prefill.buyer, prefill.currency, prefill.tax_rate)
    if cells:
        raise InvoicingError(as_sentence(cells, prefill.client))
    return prefill.number_format


def _insert_invoice(
    connection: psycopg.Connection, prefill: Prefill, notes: str | None, accept: Collection[str]
) -> str:
    invoice_id = f"INV-{uuid4().hex[:12]}"
    accepted = [{"code": one.code, "detail": one.detail} for one in prefill.warnings if one.code in accept]
    projects = {line["project_id"] for line in prefill.lines}
    connection.execute(
        """
        insert into billing.invoices (
            id, kind, client_id, project_id, currency, invoice_month, prefill_id, prefill_hash, supply_from, supply_to,
            payment_terms, subtotal,
            tax_rate, tax, total, seller, buyer, accepted_warnings, notes
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            invoice_id,
            "credit_note" if prefill.total < 0 else "invoice",
            prefill.client_id,
            projects.pop() if len(projects) == 1 else None,
            prefill.currency,
            prefill.month,
            prefill.id,
            prefill.hash,
            prefill.supply_from,
            prefill.supply_to,
            prefill.payment_terms,
            prefill.subtotal,
            prefill.tax_rate,
            prefill.tax,
            prefill.total,
            Jsonb(prefill.seller),
            Jsonb(prefill.buyer),
            Jsonb(accepted),
            notes,
        ),
    )
    return invoice_id


def _set_off(connection: psycopg.Connection, note_id: str, invoice_id: str, issue_date: date, actor: str) -> None:
    """Settle what is open of an invoice with what is left of a credit note."""
    connection.execute("select 1 from billing.invoices where id = %s for no key update", (invoice_id,))
    note, invoice = read_invoice(connection, note_id), read_invoice(connection, invoice_id)
    amount = min(-note.open, invoice.open)
    if amount <= 0:
        return
    connection.execute(
        "insert into billing.payment_allocations"
        " (credit_note_id, invoice_id, amount, payment_amount, effective_on, match_rule, actor)"
        " values (%s, %s, %s, %s, %s, 'credit_note', %s)",
        (note.id, invoice.id, amount, amount, issue_date, actor),
    )
    _record(connection, note.id, "credit_applied", actor, None, {"to": invoice.number, "amount": amount})


def _insert_lines(connection: psycopg.Connection, invoice_id: str, prefill: Prefill) -> None:
    lines: list[Mapping[str, Any]] = []
    entries: list[Mapping[str, Any]] = []
    for position, line in enumerate(prefill.lines, 1):
        line_id = f"LNI-{uuid4().hex[:12]}"
        alone = line["entries"][0]["time_entry_id"] if len(line["entries"]) == 1 else None
        lines.append(
            {**line, "line_id": line_id, "invoice_id": invoice_id, "position": position, "time_entry_id": alone}
        )
        entries += [{**entry, "line_id": line_id} for entry in line["entries"]]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_LINE, lines)
        cursor.executemany(_INSERT_ENTRY, entries)
    settle(connection, lines)


def _insert_mirror(connection: psycopg.Connection, invoice: Invoice, reason: str) -> str:
    note_id = f"INV-{uuid4().hex[:12]}"
    names = {"note": note_id, "invoice": invoice.id, "notes": reason}
    connection.execute(
        """
        insert into billing.invoices (
            id, kind, corrects_invoice_id, client_id, project_id, currency, invoice_month, prefill_id, prefill_hash,
            supply_from, supply_to,
            payment_terms, subtotal, tax_rate, tax, total, seller, buyer, notes
        )
        select
            %(note)s, 'credit_note', id, client_id, project_id, currency, invoice_month, prefill_id, prefill_hash,
            supply_from, supply_to,
            'due_on_receipt', -subtotal, tax_rate, -tax, -total, seller, buyer, %(notes)s
        from billing.invoices
        where id = %(invoice)s
        """,
        names,
    )
    connection.execute(
        """
        insert into billing.invoice_line_items (
            id, invoice_id, position, prefill_line_id, corrects_line_id, time_entry_id, basis, line_type,
            project_id, issue_key, contract_id,
            contract_period_id, application_id, billing_rule_id, rate_tier, description, raw_seconds, billable_seconds,
            quantity, unit_price, rate_multiplier,
            line_total, rate_source,
            billing_rule_snapshot
        )
        select
            'LNI-' || left(replace(gen_random_uuid()::text, '-', ''), 12), %(note)s, position, prefill_line_id, id,
            time_entry_id, basis,
            line_type, project_id, issue_key, contract_id, contract_period_id, application_id, billing_rule_id,
            rate_tier, description, -raw_seconds,
            -billable_seconds, -quantity,
            unit_price, rate_multiplier, -line_total, rate_source, billing_rule_snapshot
        from billing.invoice_line_items
        where invoice_id = %(invoice)s
        """,
        names,
    )
    connection.execute(
        """
        insert into billing.invoice_line_entries (line_id, time_entry_id, raw_seconds, billable_seconds, amount,
        entry_snapshot)
        select mirrored.id, entries.time_entry_id, -entries.raw_seconds, -entries.billable_seconds, -entries.amount,
        entries.entry_snapshot
        from billing.invoice_line_items as mirrored
        inner join billing.invoice_line_entries as entries on mirrored.corrects_line_id = entries.line_id
        where mirrored.invoice_id = %(note)s
        """,
        names,
    )
    return note_id


def _take_number(
    connection: psycopg.Connection,
    invoice_id: str,
    series: str,
    number_format: NumberFormat,
    account_number: str,
    issue_date: date,
    payment_terms: str,
) -> None:
    """Give the draft its number: the last step, because the lock on the series is the one that all callers share."""
    connection.execute(
        "insert into billing.number_series (series, format, reset) values (%s, %s, %s)"
        " on conflict (series) do update set format = excluded.format, reset = excluded.reset",
        (series, number_format.text, number_format.reset),
    )
    last = connection.execute("select max(issue_date) from billing.invoices where series = %s", (series,)).fetchone()
    if last is not None and last[0] is not None and issue_date < last[0]:
        raise InvoicingError(
            f"The issue date {issue_date} is before {last[0]}, the date of the last invoice; numbers follow the dates. "
            f"Give {last[0]} or later."
        )
    period = number_format.period(issue_date)
    connection.execute(
        "insert into billing.number_counters (series, period) values (%s, %s) on conflict do nothing", (series, period)
    )
    [(number,)] = connection.execute(
        "update billing.number_counters set next_number = next_number + 1 where series = %s and period = %s"
        " returning next_number - 1",
        (series, period),
    ).fetchall()
    text = number_format.number(number, issue_date, account_number)
    try:
        connection.execute(
            "update billing.invoices set status = 'sent', series = %s, number_period = %s, number = %s,"
            " invoice_number = %s, issue_date = %s, due_date = %s, finalized_at = clock_timestamp() where id = %s",
            (series, period, number, text, issue_date, due_date(issue_date, payment_terms), invoice_id),
        )
    except psycopg.errors.UniqueViolation as error:
        raise InvoicingError(
            f"Number {text} was given before, in another series or under another format; change invoice_number_format "
            "(agency.csv, or clients.csv for a client's own) so that new numbers differ from old ones."
        ) from error


def _record(
    connection: psycopg.Connection, invoice_id: str, what: str, actor: str, key: str | None, payload: Mapping[str, Any]
) -> None:
    connection.execute(
        "insert into billing.invoice_events (invoice_id, event_type, actor, idempotency_key, payload)"
        " values (%s, %s, %s, %s, %s)",
        (invoice_id, what, actor, key, Jsonb(payload, dumps=_dumps)),
    )


def _dumps(value: Any) -> str:
    return json.dumps(value, default=lambda one: str(one) if isinstance(one, Decimal | date) else one)
