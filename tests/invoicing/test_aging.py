"""Receivables as of any date against a plain calculation from what was decided."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest

from invoicing.cash import apply
from invoicing.issuing import cancel, credit
from invoicing.payments import pay, undo, write_off
from invoicing.records import Invoice, read_invoice
from tests.invoicing.books import Books

_START = date(2026, 1, 5)
_STEPS = 60


@dataclass
class _Plain:
    """What was decided, one entry per effect: day, client, and the due date of the invoice or None for money."""

    moves: list[tuple[date, str, str | None, Decimal]] = field(default_factory=list)
    due: dict[str, date] = field(default_factory=dict)

    def owe(self, on: date, client: str, invoice: str | None, amount: Decimal) -> None:
        self.moves.append((on, client, invoice, amount))

    def buckets(self, as_of: date) -> dict[tuple[str, str], Decimal]:
        """Open amounts by client and bucket at the end of a day."""
        items: dict[tuple[str, str | None], Decimal] = defaultdict(Decimal)
        for on, client, invoice, amount in self.moves:
            if on <= as_of:
                items[client, invoice] += amount
        found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for (client, invoice), amount in items.items():
            found[client, self._bucket(invoice, as_of)] += amount
        return {key: amount for key, amount in found.items() if amount}

    def _bucket(self, invoice: str | None, as_of: date) -> str:
        if invoice is None or invoice not in self.due:
            return "unapplied"
        days = (as_of - self.due[invoice]).days
        bounds = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))
        return next((name for most, name in bounds if days <= most), "over 90")


@pytest.mark.parametrize("seed", [1, 2])
def test_aging_as_of_random_dates_equals_a_plain_calculation(books: Books, seed: int) -> None:
    dice = random.Random(seed)
    plain = _Plain()
    today = _START if seed == 1 else date(2026, 12, 31) + timedelta(days=seed)
    clients = [books.client(dice.choice(("net15", "net30", "due_on_receipt"))) for _ in range(4)]
    months = {client: date(today.year, 1, 1) for client in clients}
    open_invoices: list[Invoice] = []
    payments: list[tuple[str, Invoice, date, Decimal, Decimal]] = []
    for _ in range(_STEPS):
        today += timedelta(days=dice.randrange(0, 9))
        step = dice.choice(("issue", "issue", "pay", "pay", "deposit", "write_off", "undo", "credit", "cancel"))
        with books.connect() as connection:
            if step == "issue" or not open_invoices:
                client = dice.choice(clients)
                total = Decimal(dice.randrange(100, 500_000)) / 100
                books.prefill(client, months[client], totals=[str(total)])
                invoice = books.issued(client, months[client], today=today).invoice
                months[client] = (months[client] + timedelta(days=32)).replace(day=1)
                open_invoices.append(invoice)
                plain.due[invoice.id] = invoice.due_date
                plain.owe(today, client, invoice.id, total)
                continue
            invoice = read_invoice(connection, dice.choice(open_invoices).id)
            if step in ("pay", "deposit"):
                amount = Decimal(dice.randrange(1, int(invoice.open * 130) + 1)) / 100
                on = today - timedelta(days=dice.randrange(0, 4))
                if step == "pay":
                    paid = pay(
                        connection,
                        invoice.number,
                        amount,
                        actor="ada",
                        today=today,
                        on=on,
                        reference=str(len(payments)),
                    ).payment_id
                else:
                    paid = apply(
                        connection, books.deposit(str(amount), "TRF", on=on), [invoice.number], actor="ada"
                    ).payment_id
                settled = min(amount, invoice.open)
                # Money is there when it comes, and pays an invoice from its date on.
                plain.owe(on, invoice.client_id, None, -amount)
                plain.owe(max(on, invoice.issue_date), invoice.client_id, None, settled)
                plain.owe(max(on, invoice.issue_date), invoice.client_id, invoice.id, -settled)
                payments.append((paid, invoice, on, amount, settled))
            elif step == "write_off":
                amount = (invoice.open / 10).quantize(Decimal("0.01")) or invoice.open
                write_off(connection, invoice.number, amount, actor="ada", today=today, reason=str(len(plain.moves)))
                plain.owe(today, invoice.client_id, invoice.id, -amount)
            elif step == "undo" and payments:
                paid, invoice, on, amount, settled = payments.pop(dice.randrange(len(payments)))
                if read_invoice(connection, invoice.id).is_credited:
                    continue
                back = dice.choice((None, today))
                undo(connection, paid, actor="ada", reason="bounced", on=back)
                begun = max(on, invoice.issue_date)
                plain.owe(max(on, back or on), invoice.client_id, None, amount)
                plain.owe(max(begun, back or begun), invoice.client_id, None, -settled)
                plain.owe(max(begun, back or begun), invoice.client_id, invoice.id, settled)
            elif step == "credit":
                note = credit(connection, invoice.number, actor="ada", today=today, reason="wrong").invoice
                plain.owe(today, invoice.client_id, note.id, note.total + invoice.open)
                plain.owe(today, invoice.client_id, invoice.id, -invoice.open)
            elif step == "cancel" and not invoice.settled:
                cancel(connection, invoice.number, actor="ada", today=today, reason="wrong")
                plain.owe(today, invoice.client_id, invoice.id, -invoice.total)
            open_invoices = [one for one in open_invoices if read_invoice(connection, one.id).open]
    begin = min(on for on, *_ in plain.moves)
    for _ in range(50):
        as_of = begin + timedelta(days=dice.randrange(-3, (today - begin).days + 120))
        found = books.rows(
            "select client_id, bucket, sum(open_amount) from billing.ar_open(%s) where client_id = any(%s)"
            " group by client_id, bucket having sum(open_amount) <> 0",
            (as_of, clients),
        )
        assert {(client, bucket): amount for client, bucket, amount in found} == plain.buckets(as_of), as_of
