"""The report on a contract's period: hours used, overage, details of work; made here and recorded once (rule 10.26)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from itertools import groupby
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from invoicing.errors import InvoicingError

_NOT_BUILT: Final = "The warehouse has no contract periods yet; `workledger run` builds them."
_LONGEST_TEXT: Final = 300
_STYLE: Final = (
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:4px 8px;"
    "border-bottom:1px solid #ddd}.n{text-align:right;white-space:nowrap}body{font-family:sans-serif;max-width:50em}"
)


@dataclass(frozen=True)
class Due:
    """A report that is to be sent."""

    contract_period_id: str
    client: str
    contract: str
    period_start: date
    period_end: date
    due_on: date
    notification_email: str
    used_hours: Decimal
    overage_hours: Decimal


@dataclass(frozen=True)
class Work:
    """A piece of work that used hours of the period."""

    local_date: date
    person: str | None
    issue_key: str | None
    description: str | None
    seconds: int
    overage_seconds: int


@dataclass(frozen=True)
class Report:
    """What is sent to a client about a contract's period."""

    contract_period_id: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str

    @property
    def id(self) -> str:
        """Identifier in `billing.contract_reports`."""
        return f"REP-{self.contract_period_id.removeprefix('PER-')}"

    @property
    def sha256(self) -> str:
        """Hash of what is sent; it says whether the hours have changed since."""
        content = "\0".join((self.recipient, self.subject, self.text, self.html))
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def message(self) -> bytes:
        """As an e-mail with a text and an HTML part, whose Message-ID is of the period, so that a repeat is known."""
        message = EmailMessage(policy=SMTP)
        message["To"] = self.recipient
        message["Subject"] = self.subject
        message["Message-ID"] = f"<contract-report.{self.contract_period_id}@workledger>"
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        # Parts are told apart by chance otherwise, and the same report would be other bytes.
        message.set_boundary(f"=={self.sha256[:32]}==")
        return message.as_bytes()


def due(connection: psycopg.Connection) -> Sequence[Due]:
    """Reports that are to be sent, by client and contract.

    Args:
        connection: of role owner.

    Raises:
        InvoicingError: no build has made the periods yet.
    """
    try:
        with connection.cursor(row_factory=class_row(Due)) as cursor:
            return cursor.execute(
                "select contract_period_id, client, contract, period_start, period_end, due_on, notification_email,"
                " used_hours, overage_hours from reports.contract_reports_due order by client, contract"
            ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise InvoicingError(_NOT_BUILT) from error


def compose(connection: psycopg.Connection, contract_period_id: str) -> Report:
    """Make the report on a period, ended or not.

    Args:
        connection: of role owner.
        contract_period_id: PER-….

    Raises:
        InvoicingError: there is no such period, or its contract has no notification_email.
    """
    try:
        found = connection.execute(
            """
            select
                c.name, c.contract_number, c.notification_email, coalesce(l.company_name, l.name), l.currency,
                a.legal_name, p.period_start, p.period_end, p.allocated_hours, p.used_hours, p.overage_hours,
                p.remaining_hours, p.overage_rate, p.total_overage_amount
            from marts.contract_periods as p
            inner join marts.contracts as c on p.contract_id = c.id
            inner join marts.clients as l on p.client_id = l.id
            cross join intermediate.int_identity__agency as a
            where p.id = %s
            """,
            (contract_period_id,),
        ).fetchone()
        with connection.cursor(row_factory=class_row(Work)) as cursor:
            work = cursor.execute(
                """
                select
                    u.local_date, d.name as person, e.issue_key, e.description, sum(u.seconds)::bigint as seconds,
                    coalesce(sum(u.seconds) filter (where u.part = 'overage'), 0)::bigint as overage_seconds
                from intermediate.int_billing__contract_allocations as u
                inner join marts.time_entries as e on u.time_entry_id = e.id
                left join marts.developers as d on u.developer_id = d.id
                where u.contract_period_id = %s
                group by u.local_date, d.name, e.issue_key, e.description, e.start_time, u.time_entry_id
                order by u.local_date, e.start_time nulls first, u.time_entry_id
                """,
                (contract_period_id,),
            ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise InvoicingError(_NOT_BUILT) from error
    if found is None:
        raise InvoicingError(
            f"There is no contract period {contract_period_id}; marts.contract_periods shows them all."
        )
    (contract, number, recipient, client, currency, seller, first, last, *figures) = found
    if not recipient:
        raise InvoicingError(
            f"Contract {contract} of {client} has no notification_email; contracts.csv says who gets the report."
        )
    included, used, overage, left, rate, amount = figures
    subject = f"{contract}: hours from {first} to {last}"
    facts = [
        ("Hours included", _hours(included)),
        ("Hours used", _hours(used)),
        ("Hours left, which expire", _hours(left)),
        ("Hours beyond", _hours(overage)),
    ]
    if overage:
        facts.append(("Price of the hours beyond", f"{amount} {currency} at {rate.normalize():f} an hour"))
    heading = f"{client}, {contract} ({number}), {first} to {last}"
    return Report(
        contract_period_id,
        seller,
        recipient,
        _one_line(subject),
        _text(heading, facts, work, seller),
        _html(heading, facts, work, seller),
    )


def record(connection: psycopg.Connection, report: Report) -> bool:
    """Record that a report was sent; each period's once.

    Args:
        connection: of role owner.
        report: as it was sent.

    Returns:
        False if it had been sent before; nothing was changed then.

    Raises:
        InvoicingError: it was tried to be sent, and may have arrived.
    """
    with connection.transaction():
        key = f"contract_report:{report.contract_period_id}"
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
        known = state(connection, report.contract_period_id)
        if known == "delivered":
            return False
        if known in ("sending", "unknown"):
            raise InvoicingError(f"The report on {report.contract_period_id} was being sent, and may have arrived.")
        # A failed one has the hash of what was tried then, which does not change.
        connection.execute(
            "insert into billing.contract_reports"
            " (id, contract_period_id, recipient, sha256, idempotency_key, state, sent_at)"
            " values (%s, %s, %s, %s, %s, 'delivered', clock_timestamp())"
            " on conflict (contract_period_id) do update set state = 'delivered', sent_at = clock_timestamp()",
            (
                report.id,
                report.contract_period_id,
                report.recipient,
                report.sha256,
                key,
            ),
        )
    return True


def state(connection: psycopg.Connection, contract_period_id: str) -> str | None:
    """Whether the report on a period was sent: its state, None if nobody has tried."""
    row = connection.execute(
        "select state from billing.contract_reports where contract_period_id = %s", (contract_period_id,)
    ).fetchone()
    return None if row is None else str(row[0])


# --- from here on: how it looks -----------------------------------------------------------------------------------


def _text(heading: str, facts: Sequence[tuple[str, str]], work: Sequence[Work], seller: str) -> str:
    lines = [_one_line(heading), "", *(f"{name}: {value}" for name, value in facts), ""]
    for day, pieces in groupby(work, key=lambda one: one.local_date):
        lines.append(str(day))
        lines += [f"  {_clock(one.seconds)}  {_what(one)}{_beyond(one)}" for one in pieces]
    return "\n".join([*lines, "", _one_line(seller), ""])


def _html(heading: str, facts: Sequence[tuple[str, str]], work: Sequence[Work], seller: str) -> str:
    rows = "".join(
        f'<tr><td>{one.local_date}</td><td>{escape(_what(one))}{escape(_beyond(one))}</td><td class="n">'
        f"{_clock(one.seconds)}</td></tr>"
        for one in work
    )
    figures = "".join(f'<tr><td>{escape(name)}</td><td class="n">{escape(value)}</td></tr>' for name, value in facts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><style>{_STYLE}</style></head><body>'
        f"<h2>{escape(_one_line(heading))}</h2><table>{figures}</table><h3>Work</h3>"
        f'<table><thead><tr><th>Date</th><th>What</th><th class="n">Time</th></tr></thead><tbody>{rows}</tbody>'
        f"</table><p>{escape(_one_line(seller))}</p></body></html>\n"
    )


def _what(work: Work) -> str:
    parts: list[Any] = [work.person, work.issue_key, work.description]
    text = _one_line(", ".join(part for part in parts if part)) or "Work"
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _beyond(work: Work) -> str:
    return f" ({_clock(work.overage_seconds)} beyond)" if work.overage_seconds else ""


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _hours(hours: Decimal) -> str:
    return _clock(int((hours * 3600).to_integral_value()))


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
