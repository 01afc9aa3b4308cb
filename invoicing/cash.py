"""Bank deposits: matched with open invoices, and what a person decides about those that wait (rules 10.21 to 10.23)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from invoicing.errors import InvoicingError
from invoicing.matching import (
    Candidate,
    Client,
    Deposit,
    FeeRule,
    HandPayment,
    KnownNumber,
    Ledger,
    Match,
    OpenInvoice,
    Part,
    Rate,
    Waiting,
    decide,
    part_in_other_currency,
    payer_key,
    rate_on,
)
from invoicing.payments import lock, undo
from invoicing.records import Invoice, read_invoice

_NOT_BUILT: Final = "The warehouse has no bank deposits yet; `workledger run` builds them."
# A receipt, or another row of a deposit, that was not taken back.
_STANDING: Final = """
    p.reverses_payment_id is null and not exists (
        select 1 from billing.payments as r where r.reverses_payment_id = p.id
    )
"""
_DEPOSITS: Final = f"""
    select
        d.id as shown_id, d.transaction_id as id, d.date as received_on, d.amount, d.amount_as_sent, d.currency,
        d.description, d.bank_text, d.payer, d.method, d.client_id, d.is_income, d.fees
    from intermediate.int_money__deposits as d
    where
        not exists (
            select 1 from billing.payments as p
            where p.bank_transaction_id = d.transaction_id and p.kind = 'receipt' and {_STANDING}
        )
        and not exists (
            select 1 from billing.joined_deposits as j
            where j.bank_transaction_id = d.transaction_id and j.parted_at is null
        )
"""


@dataclass(frozen=True)
class BankRow:
    """A deposit as the warehouse has it, unused."""

    shown_id: str
    """As `marts.transactions` and the commands name it; `id` is the bank's."""
    id: str
    received_on: date
    amount: Decimal
    amount_as_sent: Decimal
    currency: str
    description: str | None
    bank_text: str
    payer: str | None
    method: str
    client_id: str | None
    is_income: bool
    fees: Sequence[Mapping[str, Any]]

    @property
    def deposit(self) -> Deposit:
        """As it is matched."""
        return Deposit(
            id=self.id,
            received_on=self.received_on,
            amount=_cents(self.amount),
            currency=self.currency,
            text=self.bank_text,
            payer=self.payer,
            client_id=self.client_id,
            is_income=self.is_income,
            fee_rules=tuple(
                FeeRule(_cents(Decimal(str(one["fixed_fee"]))), Decimal(str(one["fee_share"])), one["is_processor"])
                for one in self.fees
            ),
        )


@dataclass(frozen=True)
class Found:
    """What was found for a deposit."""

    row: BankRow
    outcome: Match | Waiting
    payment_id: str | None = None
    """Of the payment that was recorded."""


@dataclass(frozen=True)
class Run:
    """What a run of matching did."""

    found: Sequence[Found]
    taken_back: Sequence[str]
    """Payments whose deposits the bank has withdrawn or changed."""


@dataclass(frozen=True)
class Applied:
    """What a person had a deposit pay."""

    payment_id: str
    invoices: Sequence[Invoice]
    """After it."""
    unapplied: Decimal
    currency: str
    remembered: str | None = None
    """The client for whom the payer is remembered."""


def match(connection: psycopg.Connection, *, actor: str, dry_run: bool = False) -> Run:
    """Match all deposits that are not used, in order of time; what has not exactly one solution waits.

    First, payments are taken back whose deposits the bank has withdrawn, or shows with another amount. Doing it again
    changes nothing.

    Args:
        connection: of role owner.
        actor: who has it done.
        dry_run: find everything, and record nothing.

    Raises:
        InvoicingError: no build has made the bank's deposits yet.
    """
    with connection.transaction(force_rollback=dry_run):
        _lock(connection)
        taken_back = _take_back(connection, actor)
        # What is open must stay so until it is settled below.
        connection.execute(
            "select 1 from billing.invoices where status in ('sent', 'partial') order by id for no key update"
        )
        rows = _read_rows(connection, "and d.date >= (select min(i.issue_date) from billing.invoices as i)")
        ledger = _read_ledger(connection)
        by_person = _undone_by_person(connection)
        found = []
        for row in rows:
            outcome = _outcome(row, ledger, by_person)
            if outcome is None:
                continue
            payment_id = None
            if isinstance(outcome, Match):
                payment_id = _record(connection, row, outcome, actor)
                ledger.take(row.deposit, outcome)
            else:
                ledger.leave(row.deposit)
                _note(connection, row, outcome)
            found.append(Found(row, outcome, payment_id))
    return Run(found, taken_back)


def apply(
    connection: psycopg.Connection,
    deposit: str,
    targets: Sequence[str],
    *,
    actor: str,
    remember: bool = False,
) -> Applied:
    """Have a deposit pay invoices, in the order given, or say which payments recorded by hand it is.

    Args:
        connection: of role owner.
        deposit: its identifier (TXN-…, or the bank's own); or a payment (PAY-…) of which something is unapplied.
        targets: numbers of invoices; or identifiers of payments that were recorded by hand.
        actor: who decides.
        remember: whether the payer pays for this client from now on.

    Raises:
        InvoicingError: the deposit is used, pending or unknown; an invoice cannot be paid, or gets nothing; the payer
            is not named. Nothing was changed.
    """
    if len(set(targets)) < len(targets):
        raise InvoicingError("An invoice is named twice; name each once.")
    with connection.transaction():
        _lock(connection)
        by_hand = [one for one in targets if one.startswith("PAY-")]
        if by_hand and len(by_hand) < len(targets):
            raise InvoicingError("A deposit pays invoices, or is payments that were recorded by hand; not both.")
        if by_hand and remember:
            raise InvoicingError("A payer is remembered for the client of an invoice; name the invoice.")
        if deposit.startswith("PAY-"):
            if by_hand or remember:
                raise InvoicingError(f"{deposit} is a payment; name the invoices that its rest pays, and nothing else.")
            return _apply_rest(connection, deposit, targets, actor)
        row = _find_row(connection, deposit)
        if by_hand:
            return _join(connection, row, by_hand, actor)
        return _apply_row(connection, row, targets, actor, remember=remember)


# --- reading ------------------------------------------------------------------------------------------------------


def _lock(connection: psycopg.Connection) -> None:
    """Let one at a time decide about deposits."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended('workledger.cash', 0))")


def _read_rows(connection: psycopg.Connection, condition: str, values: Any = None) -> list[BankRow]:
    try:
        with connection.cursor(row_factory=class_row(BankRow)) as cursor:
            return cursor.execute(
                f"{_DEPOSITS} {condition} order by d.date, d.transaction_id".encode(), values
            ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise InvoicingError(_NOT_BUILT) from error


def _find_row(connection: psycopg.Connection, name: str) -> BankRow:
    rows = _read_rows(connection, "and %(name)s in (d.id, d.transaction_id)", {"name": name})
    if rows:
        return rows[0]
    used = connection.execute(
        f"""
        select p.id from billing.payments as p
        where p.kind = 'receipt' and {_STANDING} and p.bank_transaction_id in (
            select d.transaction_id from intermediate.int_money__deposits as d
            where %(name)s in (d.id, d.transaction_id)
        )
        union all
        select j.payment_id from billing.joined_deposits as j
        where j.parted_at is null and j.bank_transaction_id in (
            select d.transaction_id from intermediate.int_money__deposits as d
            where %(name)s in (d.id, d.transaction_id)
        )
        """.encode(),
        {"name": name},
    ).fetchone()
    if used is not None:
        raise InvoicingError(
            f"Deposit {name} is payment {used[0]} already; apply what is left of that payment (`workledger cash apply "
            f"{used[0]}`), or take it back (`workledger cash undo`)."
        )
    raise InvoicingError(
        f"There is no deposit {name} that the bank has posted to an account of the business; "
        "reports.unmatched_deposits shows those that wait."
    )


def _read_ledger(connection: psycopg.Connection) -> Ledger:
    with connection.cursor(row_factory=dict_row) as cursor:
        invoices = cursor.execute(
            "select id, invoice_number, client_id, currency::text as currency, kind, status, issue_date,"
            " total - settled as open, credited_at is not null as is_credited"
            " from billing.invoices where status <> 'draft'"
        ).fetchall()
        clients = cursor.execute(
            "select c.id, c.name, c.company_name, c.trading_name, c.parent_client_id from marts.clients as c"
        ).fetchall()
        aliases = cursor.execute(
            "select payer, client_id from billing.payer_aliases where withdrawn_at is null"
        ).fetchall()
        rates = cursor.execute(
            "select from_currency, to_currency, rate_date, rate from staging.stg_reference__fx_rates"
        ).fetchall()
        by_hand = cursor.execute(
            f"""
            select
                p.id, p.client_id, p.currency::text as currency, p.amount, p.received_on, p.reference,
                array(
                    select i.invoice_number
                    from billing.payment_allocations as a
                    inner join billing.invoices as i on a.invoice_id = i.id
                    where a.payment_id = p.id
                    group by i.invoice_number having sum(a.amount) <> 0
                    order by i.invoice_number
                ) as numbers
            from billing.payments as p
            where p.source = 'manual' and p.kind = 'receipt' and {_STANDING} and not exists (
                select 1 from billing.joined_deposits as j where j.payment_id = p.id and j.parted_at is null
            )
            order by p.id
            """.encode()
        ).fetchall()
        taken = cursor.execute(
            f"""
            select distinct i.client_id, p.currency::text as currency, p.amount, p.received_on
            from billing.payments as p
            inner join billing.payment_allocations as a on p.id = a.payment_id
            inner join billing.invoices as i on a.invoice_id = i.id
            where p.kind = 'receipt' and {_STANDING} and (p.source = 'bank' or exists (
                select 1 from billing.joined_deposits as j where j.payment_id = p.id and j.parted_at is null
            ))
            """.encode()
        ).fetchall()
    payers: dict[str, set[str]] = defaultdict(set)
    for one in aliases:
        payers[one["payer"]].add(one["client_id"])
    return Ledger(
        invoices=[
            OpenInvoice(
                one["id"],
                one["invoice_number"],
                one["client_id"],
                one["currency"],
                _cents(one["open"]),
                one["issue_date"],
            )
            for one in invoices
            if one["kind"] == "invoice" and one["status"] != "canceled"
        ],
        numbers=[KnownNumber(one["invoice_number"], one["client_id"], _state(one)) for one in invoices],
        clients=[
            Client(
                one["id"],
                tuple(name for name in (one["name"], one["company_name"], one["trading_name"]) if name),
                one["parent_client_id"],
            )
            for one in clients
        ],
        aliases=payers,
        rates=[Rate(one["from_currency"], one["to_currency"], one["rate_date"], one["rate"]) for one in rates],
        by_hand=[
            HandPayment(
                one["id"],
                one["client_id"],
                one["currency"],
                _cents(one["amount"]),
                one["received_on"],
                tuple(one["numbers"]),
                one["reference"],
            )
            for one in by_hand
        ],
        taken=[(one["client_id"], one["currency"], _cents(one["amount"]), one["received_on"]) for one in taken],
    )


def _state(row: Mapping[str, Any]) -> Any:
    if row["kind"] == "credit_note":
        return "credit_note"
    if row["status"] == "canceled" or row["is_credited"]:
        return "canceled" if row["status"] == "canceled" else "credited"
    return "open" if row["open"] else "settled"


def _undone_by_person(connection: psycopg.Connection) -> dict[str, str]:
    """Deposits whose last payment a person has taken back, and why: they are not matched again by themselves."""
    rows = connection.execute(
        "select p.bank_transaction_id, r.actor || ': ' || coalesce(r.reference, '')"
        " from billing.payments as p inner join billing.payments as r on p.id = r.reverses_payment_id"
        " where p.bank_transaction_id is not null and p.kind = 'receipt' and not exists ("
        "  select 1 from billing.payment_allocations as a where a.payment_id = p.id and a.match_rule = %s"
        " )",
        (_WITHDRAWN,),
    ).fetchall()
    return dict(rows)


# --- writing ------------------------------------------------------------------------------------------------------

_WITHDRAWN: Final = "deposit_withdrawn"


def _take_back(connection: psycopg.Connection, actor: str) -> list[str]:
    """Payments end with the bank rows that they were; a payment by hand is parted from its row, and stays."""
    try:
        gone = connection.execute(
            f"""
            select p.id, s.is_deleted
            from billing.payments as p
            inner join staging.stg_plaid__transactions as s on p.bank_transaction_id = s.transaction_id
            where
                p.kind = 'receipt' and {_STANDING}
                and (
                    s.is_deleted or s.is_pending
                    or (p.amount, p.currency::text) <> (round(-s.plaid_amount, 2), s.currency)
                )
            order by p.id
            """.encode()
        ).fetchall()
        parted = connection.execute(
            """
            select j.id
            from billing.joined_deposits as j
            inner join staging.stg_plaid__transactions as s on j.bank_transaction_id = s.transaction_id
            where
                j.parted_at is null
                and (
                    s.is_deleted or s.is_pending
                    or round(-s.plaid_amount, 2) <> (
                        select sum(p.amount)
                        from billing.joined_deposits as others
                        inner join billing.payments as p on others.payment_id = p.id
                        where others.bank_transaction_id = j.bank_transaction_id and others.parted_at is null
                    )
                )
            order by j.id
            """
        ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise InvoicingError(_NOT_BUILT) from error
    for payment_id, is_deleted in gone:
        reason = "the bank has withdrawn the deposit" if is_deleted else "the bank has changed the deposit"
        undo(connection, payment_id, actor=actor, reason=reason, rule=_WITHDRAWN)
    connection.execute(
        "update billing.joined_deposits set parted_at = clock_timestamp() where id = any(%s)",
        ([one for (one,) in parted],),
    )
    return [one for one, _ in gone]


def _outcome(row: BankRow, ledger: Ledger, by_person: Mapping[str, str]) -> Match | Waiting | None:
    if row.amount_as_sent != row.amount:
        return Waiting(f"its amount {row.amount_as_sent.normalize()} has more than two decimals")
    outcome = decide(row.deposit, ledger)
    if isinstance(outcome, Match) and row.id in by_person:
        numbers = tuple(part.invoice.number for part in outcome.parts)
        why = f"a payment of it was taken back ({by_person[row.id]})"
        clients = tuple(sorted({part.invoice.client_id for part in outcome.parts}))
        total = sum(part.invoice.open for part in outcome.parts)
        return Waiting(why, (Candidate(numbers, clients, total, row.currency, why),) if numbers else ())
    return outcome


def _note(connection: psycopg.Connection, row: BankRow, waiting: Waiting) -> None:
    """Keep why it waits; nothing is written where that is known."""
    candidates = [
        {
            "numbers": list(one.numbers),
            "client_ids": list(one.client_ids),
            "open": str(_amount(one.open)),
            "currency": one.currency,
            "why_not": one.why_not,
            **({"payment_id": one.payment_id} if one.payment_id else {}),
        }
        for one in waiting.candidates
    ]
    connection.execute(
        """
        insert into billing.unmatched_deposits as known (bank_transaction_id, why, candidates)
        values (%s, %s, %s)
        on conflict (bank_transaction_id) do update
        set why = excluded.why, candidates = excluded.candidates, looked_at = clock_timestamp()
        where (known.why, known.candidates) is distinct from (excluded.why, excluded.candidates)
        """,
        (row.id, waiting.why, Jsonb(candidates)),
    )


def _record(connection: psycopg.Connection, row: BankRow, found: Match, actor: str) -> str:
    """Record what a match says: a payment with its allocations, or that it was recorded before."""
    if found.joined:
        _insert_joins(connection, row, [one.id for one in found.joined], found.reasons, actor)
        return found.joined[0].id
    return _insert_receipt(connection, row, found.parts, found.rule, found.reasons, actor)


def _insert_joins(
    connection: psycopg.Connection, row: BankRow, payment_ids: Sequence[str], reasons: Sequence[str], actor: str
) -> None:
    for payment_id in payment_ids:
        connection.execute(
            "insert into billing.joined_deposits (payment_id, bank_transaction_id, reasons, actor)"
            " values (%s, %s, %s, %s)",
            (payment_id, row.id, Jsonb(list(reasons)), actor),
        )


def _insert_receipt(
    connection: psycopg.Connection,
    row: BankRow,
    parts: Sequence[Part],
    rule: str,
    reasons: Sequence[str],
    actor: str,
) -> str:
    clients = {part.invoice.client_id for part in parts}
    client_id = clients.pop() if len(clients) == 1 else None
    [(uses,)] = connection.execute(
        "select count(*) from billing.payments"
        " where bank_transaction_id = %s and kind = 'receipt' and reverses_payment_id is null",
        (row.id,),
    ).fetchall()
    payment_id = _insert_payment(
        connection, row, client_id, "receipt", row.amount, row.currency, actor, f"deposit:{row.id}:{uses + 1}"
    )
    for part in parts:
        _allocate(connection, row, payment_id, part, part.amount, part.deposit_amount, rule, reasons, actor)
        for kind, amount in (("fee", part.fee), ("fx_difference", part.fx_difference)):
            if amount:
                beside = _insert_payment(
                    connection,
                    row,
                    part.invoice.client_id,
                    kind,
                    _amount(amount),
                    part.invoice.currency,
                    actor,
                    f"{kind}:{payment_id}:{part.invoice.id}",
                )
                _allocate(connection, row, beside, part, amount, amount, rule, reasons, actor)
    return payment_id


def _insert_payment(
    connection: psycopg.Connection,
    row: BankRow,
    client_id: str | None,
    kind: str,
    amount: Decimal,
    currency: str,
    actor: str,
    key: str,
) -> str:
    payment_id = f"PAY-{uuid4().hex[:12]}"
    connection.execute(
        "insert into billing.payments (id, client_id, method, source, bank_transaction_id, kind, received_on, amount,"
        " currency, reference, actor, idempotency_key)"
        " values (%s, %s, %s, 'bank', %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            payment_id,
            client_id,
            row.method,
            row.id,
            kind,
            row.received_on,
            amount,
            currency,
            row.description,
            actor,
            key,
        ),
    )
    return payment_id


def _allocate(
    connection: psycopg.Connection,
    row: BankRow,
    payment_id: str,
    part: Part,
    amount: int,
    payment_amount: int,
    rule: str,
    reasons: Sequence[str],
    actor: str,
) -> None:
    _insert_allocation(
        connection, payment_id, part.invoice, amount, payment_amount, row.received_on, rule, reasons, actor
    )
    payload = {"payment": payment_id, "amount": str(_amount(amount)), "on": str(row.received_on), "rule": rule}
    _event(connection, part.invoice.id, actor, {**payload, "deposit": row.shown_id})


def _insert_allocation(
    connection: psycopg.Connection,
    payment_id: str,
    invoice: OpenInvoice,
    amount: int,
    payment_amount: int,
    on: date,
    rule: str,
    reasons: Sequence[str],
    actor: str,
) -> None:
    connection.execute(
        "insert into billing.payment_allocations"
        " (payment_id, invoice_id, amount, payment_amount, effective_on, match_rule, reasons, actor)"
        " values (%s, %s, %s, %s, greatest(%s, %s), %s, %s, %s)",
        (
            payment_id,
            invoice.id,
            _amount(amount),
            _amount(payment_amount),
            on,
            invoice.issued_on,
            rule,
            Jsonb(list(reasons)),
            actor,
        ),
    )


def _event(connection: psycopg.Connection, invoice_id: str, actor: str, payload: Mapping[str, Any]) -> None:
    connection.execute(
        "insert into billing.invoice_events (invoice_id, event_type, actor, payload)"
        " values (%s, 'payment_allocated', %s, %s)",
        (invoice_id, actor, Jsonb(payload)),
    )


# --- what a person decides ----------------------------------------------------------------------------------------

_APPLIED: Final = "applied"
_SAID: Final = ("a person has decided it",)


def _apply_row(
    connection: psycopg.Connection, row: BankRow, numbers: Sequence[str], actor: str, *, remember: bool
) -> Applied:
    if row.amount_as_sent != row.amount:
        raise InvoicingError(
            f"The amount {row.amount_as_sent.normalize()} of deposit {row.shown_id} has more than two decimals; "
            "record it by hand (`workledger invoice pay`)."
        )
    invoices = [_payable(connection, number) for number in numbers]
    parts = _parts(connection, _cents(row.amount), row.currency, row.received_on, invoices)
    key = payer_key(row.payer or "")
    clients = {one.client_id for one in invoices}
    if remember and not key:
        raise InvoicingError(
            f"The bank names no payer on deposit {row.shown_id}, so nobody can be remembered; a row in "
            "transaction_rules.csv can name the client by the bank's text."
        )
    if remember and len(clients) > 1:
        raise InvoicingError("A payer is remembered for one client, and these invoices are of several.")
    payment_id = _insert_receipt(connection, row, parts, _APPLIED, _SAID, actor)
    client_id = invoices[0].client_id
    if remember:
        connection.execute(
            "insert into billing.payer_aliases (payer, client_id, payment_id, actor) values (%s, %s, %s, %s)"
            " on conflict (payer, client_id) where withdrawn_at is null do nothing",
            (key, client_id, payment_id, actor),
        )
    unapplied = _cents(row.amount) - sum(part.deposit_amount for part in parts)
    return Applied(
        payment_id,
        [read_invoice(connection, one.id) for one in invoices],
        _amount(unapplied),
        row.currency,
        invoices[0].client if remember else None,
    )


def _apply_rest(connection: psycopg.Connection, payment_id: str, numbers: Sequence[str], actor: str) -> Applied:
    lock(connection, payment_id)
    found = connection.execute(
        f"select p.currency::text, p.received_on, p.amount - p.allocated from billing.payments as p"
        f" where p.id = %s and p.kind = 'receipt' and {_STANDING}".encode(),
        (payment_id,),
    ).fetchone()
    if found is None or not found[2]:
        raise InvoicingError(f"{payment_id} is no payment of which something is unapplied.")
    currency, received_on, rest = found
    invoices = [_payable(connection, number) for number in numbers]
    parts = _parts(connection, _cents(rest), currency, received_on, invoices)
    for part in parts:
        if part.fx_difference:
            raise InvoicingError("The rest of a payment is applied to invoices in its own currency.")
        _insert_allocation(
            connection, payment_id, part.invoice, part.amount, part.deposit_amount, received_on, _APPLIED, _SAID, actor
        )
        payload = {"payment": payment_id, "amount": str(_amount(part.amount)), "on": str(received_on), "rule": _APPLIED}
        _event(connection, part.invoice.id, actor, payload)
    left = _cents(rest) - sum(part.deposit_amount for part in parts)
    return Applied(payment_id, [read_invoice(connection, one.id) for one in invoices], _amount(left), currency)


def _join(connection: psycopg.Connection, row: BankRow, payment_ids: Sequence[str], actor: str) -> Applied:
    known = {one.id: one for one in _read_ledger(connection).hand.values()}
    for payment_id in payment_ids:
        if payment_id not in known:
            raise InvoicingError(
                f"{payment_id} is no payment by hand that waits for its deposit; `workledger invoice show` names those "
                "of an invoice."
            )
    payments = [known[one] for one in payment_ids]
    total = sum(one.amount for one in payments)
    if {one.currency for one in payments} != {row.currency} or total != _cents(row.amount):
        raise InvoicingError(
            f"Deposit {row.shown_id} is of {row.amount} {row.currency}, and the payments are {_amount(total)} "
            f"{', '.join(sorted({one.currency for one in payments}))}; they must be the same."
        )
    _insert_joins(connection, row, payment_ids, _SAID, actor)
    numbers = dict.fromkeys(number for one in payments for number in one.numbers)
    invoices = [read_invoice(connection, number) for number in numbers]
    return Applied(payment_ids[0], invoices, Decimal(0), row.currency)


def _payable(connection: psycopg.Connection, number: str) -> Invoice:
    invoice = read_invoice(connection, number)
    # Before anything is looked at, so that two at once see each other.
    connection.execute("select 1 from billing.invoices where id = %s for no key update", (invoice.id,))
    invoice = read_invoice(connection, invoice.id)
    if invoice.kind == "credit_note":
        raise InvoicingError(
            f"{invoice.number} is a credit note; what it owes is paid back (`workledger invoice pay`)."
        )
    if invoice.status == "canceled":
        raise InvoicingError(f"{invoice.number} is canceled; name the invoice that took its place.")
    if not invoice.open:
        raise InvoicingError(f"{invoice.number} is settled; nothing of it is open.")
    return invoice


def _parts(
    connection: psycopg.Connection, amount: int, currency: str, on: date, invoices: Sequence[Invoice]
) -> list[Part]:
    """What of an amount each invoice gets, in the order given."""
    opens = [
        OpenInvoice(one.id, one.number, one.client_id, one.currency, _cents(one.open), one.issue_date)
        for one in invoices
    ]
    if any(one.currency != currency for one in opens):
        if len(opens) > 1:
            raise InvoicingError("A deposit in another currency pays one invoice; name one.")
        rate = rate_on(_read_ledger(connection).rates, currency, opens[0].currency, on)
        if rate is None:
            raise InvoicingError(
                f"fx_rates.csv has no rate from {currency} to {opens[0].currency} on or before {on}; add one."
            )
        return [part_in_other_currency(amount, opens[0], rate)]
    parts = []
    for one in opens:
        if not amount:
            raise InvoicingError(f"Nothing of the money is left for {one.number}; name only what it pays.")
        settled = min(amount, one.open)
        parts.append(Part(one, settled, settled))
        amount -= settled
    return parts


def _cents(amount: Decimal) -> int:
    return int(amount * 100)


def _amount(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
