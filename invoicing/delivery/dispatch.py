"""Deliveries of invoices: each is sent at most once, tried again while nothing has left, and kept with its outcome.

A delivery is `queued`, then `sending` (committed before anything leaves), then `delivered`, `failed` or `unknown`. Who
sends holds a lock of the delivery; a delivery that is `sending` without one was broken off, and its channel is asked
what became of it. What is `unknown` is never repeated without a person (rule 10.19).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, LiteralString

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from invoicing.delivery.port import (
    Channel,
    ChannelName,
    NotSentError,
    Parcel,
    Recipient,
    RefusedError,
    UncertainError,
)
from invoicing.errors import InvoicingError
from invoicing.paper.contents import read_contents
from invoicing.paper.documents import Document, read_documents
from invoicing.records import Invoice, read_invoice

State = Literal["queued", "sending", "delivered", "failed", "unknown"]

WAITS_MINUTES: Final = (1, 5, 30, 120, 360, 1440)
"""How long after each failed attempt the next one is due; after the last one a person decides."""

_COLUMNS: Final[LiteralString] = """
    select
        d.id, d.invoice_id, i.invoice_number as number, d.channel, d.target, d.idempotency_key as key, d.state,
        d.attempts, d.next_attempt_at, d.external_id, d.last_error, d.created_at, d.delivered_at
    from billing.deliveries as d
    inner join billing.invoices as i on d.invoice_id = i.id
"""
# What goes to the client: never the page from which the PDF was made, nor what is printed when an invoice is canceled.
_SENT_KINDS: Final = ("pdf", "cii", "ubl")


@dataclass(frozen=True)
class Delivery:
    """One invoice on its way through one channel."""

    id: str
    invoice_id: str
    number: str
    channel: ChannelName
    target: str
    key: str
    state: State
    attempts: int
    next_attempt_at: datetime | None
    external_id: str | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


def deliver(
    connection: psycopg.Connection, number: str, channel: Channel, *, actor: str, again: bool = False
) -> Delivery:
    """Deliver an invoice through a channel, at most once however often and by how many it is called.

    Args:
        connection: of role owner, in autocommit and in no transaction.
        number: of the invoice or credit note, or its identifier.
        channel: the way out.
        actor: who decides.
        again: send a second time what is delivered or unknown.

    Returns:
        The delivery and what became of it; `failed` and `unknown` say why in `last_error`.

    Raises:
        InvoicingError: the invoice is canceled, has no PDF, or the channel lacks an address. Nothing was sent.
    """
    invoice = read_invoice(connection, number)
    if invoice.status == "canceled":
        raise InvoicingError(f"{invoice.number} is canceled and is not sent.")
    documents = _documents(connection, invoice)
    try:
        target = channel.target(_recipient(connection, invoice))
    except RefusedError as error:
        raise InvoicingError(f"{invoice.number} cannot be sent: {error}.") from error
    delivery_id = _queue(connection, invoice, documents, channel.name, target, actor, again)
    return _attempt(connection, delivery_id, channel, actor)


def deliver_due(connection: psycopg.Connection, channels: Sequence[Channel], *, actor: str) -> Sequence[Delivery]:
    """Try again what failed and is due, and find out about what was broken off.

    Args:
        connection: of role owner, in autocommit and in no transaction.
        channels: the ways that are open; deliveries of others wait.
        actor: who decides.

    Returns:
        The deliveries that were looked at, with what became of them.
    """
    open_channels = {channel.name: channel for channel in channels}
    return [
        _attempt(connection, delivery_id, open_channels[name], actor)
        for delivery_id, name in connection.execute(
            "select d.id, d.channel from billing.deliveries as d"
            " inner join billing.invoices as i on d.invoice_id = i.id"
            " where i.status <> 'canceled' and d.channel = any(%s) and (d.state in ('queued', 'sending')"
            " or d.state = 'failed' and d.next_attempt_at <= clock_timestamp())"
            " order by d.created_at",
            (list(open_channels),),
        ).fetchall()
    ]


def has_due(connection: psycopg.Connection) -> bool:
    """Whether something is to be tried again or was broken off; one query.

    Args:
        connection: of a role that reads schema `billing`.
    """
    return (
        connection.execute(
            "select 1 from billing.deliveries as d"
            " inner join billing.invoices as i on d.invoice_id = i.id"
            " where i.status <> 'canceled' and (d.state in ('queued', 'sending')"
            " or d.state = 'failed' and d.next_attempt_at <= clock_timestamp()) limit 1"
        ).fetchone()
        is not None
    )


def settle_unknown(connection: psycopg.Connection, delivery_id: str, *, arrived: bool, actor: str) -> Delivery:
    """Say what became of a delivery that is `unknown`, after somebody has asked.

    Args:
        connection: of role owner.
        delivery_id: of the delivery.
        arrived: whether it had arrived; if not, it is `failed`, and can be delivered again.
        actor: who says so.

    Raises:
        InvoicingError: there is no such delivery, or its outcome is known.
    """
    with connection.transaction():
        delivery = _read(connection, delivery_id)
        if delivery.state != "unknown":
            raise InvoicingError(f"{delivery_id} is {delivery.state}; only of what is unknown one can say more.")
        _finish(
            connection,
            delivery,
            "delivered" if arrived else "failed",
            actor,
            error=None if arrived else "it has not arrived",
        )
    return _read(connection, delivery_id)


def list_deliveries(connection: psycopg.Connection, number: str) -> Sequence[Delivery]:
    """The deliveries of an invoice, oldest first.

    Raises:
        InvoicingError: there is no such invoice.
    """
    invoice = read_invoice(connection, number)
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        return cursor.execute(
            _COLUMNS + "where d.invoice_id = %s order by d.created_at, d.id", (invoice.id,)
        ).fetchall()


@contextmanager
def held(connection: psycopg.Connection, what: str) -> Iterator[bool]:
    """Whether this session alone works on a delivery; a session that dies lets go of it.

    Args:
        connection: in autocommit.
        what: identifier of what is delivered.
    """
    key = f"workledger.delivery|{what}"
    [(is_held,)] = connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)).fetchall()
    try:
        yield bool(is_held)
    finally:
        # A connection that is lost has let go already.
        if is_held and not connection.broken:
            connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _documents(connection: psycopg.Connection, invoice: Invoice) -> Sequence[Document]:
    documents = [one for one in read_documents(connection, invoice.id) if one.kind in _SENT_KINDS]
    if not any(one.kind == "pdf" for one in documents):
        raise InvoicingError(
            f"{invoice.number} has no PDF yet; `workledger invoice show {invoice.number} --pdf FILE` makes it."
        )
    return documents


def _recipient(connection: psycopg.Connection, invoice: Invoice) -> Recipient:
    [(name, account_number, email)] = connection.execute(
        "select coalesce(c.company_name, c.name, i.buyer ->> 'name'), i.buyer ->> 'account_number',"
        " coalesce(c.contact_email, c.email, i.buyer ->> 'email')"
        " from billing.invoices as i left join marts.clients as c on i.client_id = c.id where i.id = %s",
        (invoice.id,),
    ).fetchall()
    kind: Literal["invoice", "credit_note"] = "credit_note" if invoice.kind == "credit_note" else "invoice"
    return Recipient(invoice.client_id, name, account_number or "", email, invoice.currency, kind)


def _queue(
    connection: psycopg.Connection,
    invoice: Invoice,
    documents: Sequence[Document],
    channel: ChannelName,
    target: str,
    actor: str,
    again: bool,
) -> str:
    """The delivery's row: the newest there is, or a new one."""
    paper = next(one.sha256 for one in documents if one.kind == "pdf")
    with connection.transaction():
        # Two at once would otherwise both count the same rows.
        _lock(connection, f"workledger.delivery|{invoice.id}|{channel}")
        rows = connection.execute(
            "select id, state, target from billing.deliveries where invoice_id = %s and channel = %s"
            " order by created_at desc, id desc",
            (invoice.id, channel),
        ).fetchall()
        if rows and not (again and rows[0][1] in ("delivered", "unknown", "failed")):
            newest, state, known_target = rows[0]
            if known_target == target or state != "failed":
                return str(newest)
        key = f"{channel}|{invoice.id}|{target}|{paper}|{len(rows) + 1}"
        delivery_id = f"DEL-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        connection.execute(
            "insert into billing.deliveries (id, invoice_id, document_sha256, channel, target, idempotency_key, state)"
            " values (%s, %s, %s, %s, %s, %s, 'queued')",
            (delivery_id, invoice.id, paper, channel, target, key),
        )
        _record(connection, invoice.id, actor, {"delivery": delivery_id, "state": "queued", "channel": channel})
        return delivery_id


def _attempt(connection: psycopg.Connection, delivery_id: str, channel: Channel, actor: str) -> Delivery:
    with held(connection, delivery_id) as is_held:
        delivery = _read(connection, delivery_id)
        # Somebody else is sending it.
        if not is_held:
            return delivery
        if delivery.state == "sending":
            _after_a_crash(connection, delivery, channel, actor)
        elif delivery.state in ("queued", "failed"):
            _send(connection, delivery, channel, actor)
    return _read(connection, delivery_id)


def _send(connection: psycopg.Connection, delivery: Delivery, channel: Channel, actor: str) -> None:
    parcel = _parcel(connection, delivery)
    try:
        connection.execute(
            "update billing.deliveries set state = 'sending', attempts = attempts + 1, next_attempt_at = null,"
            " last_error = null where id = %s",
            (delivery.id,),
        )
    except psycopg.errors.RestrictViolation as error:
        raise InvoicingError(f"{delivery.number} is canceled and is not sent.") from error
    try:
        external_id = channel.send(parcel)
    except NotSentError as error:
        _finish(connection, delivery, "failed", actor, error=str(error), tried=delivery.attempts + 1)
    except RefusedError as error:
        _finish(connection, delivery, "failed", actor, error=str(error))
    except UncertainError as error:
        _finish(connection, delivery, "unknown", actor, error=str(error))
    except BaseException as error:
        _finish(connection, delivery, "unknown", actor, error=f"broken off ({type(error).__name__})")
        raise
    else:
        _finish(connection, delivery, "delivered", actor, external_id=external_id)


def _after_a_crash(connection: psycopg.Connection, delivery: Delivery, channel: Channel, actor: str) -> None:
    """Whoever was sending is gone; only the channel may know what became of it."""
    try:
        external_id = channel.find(_parcel(connection, delivery))
    except NotSentError as error:
        _finish(connection, delivery, "failed", actor, error=f"broken off: {error}", tried=delivery.attempts)
    except (UncertainError, RefusedError) as error:
        _finish(connection, delivery, "unknown", actor, error=f"broken off while sending: {error}")
    else:
        _finish(connection, delivery, "delivered", actor, external_id=external_id)


def _parcel(connection: psycopg.Connection, delivery: Delivery) -> Parcel:
    invoice = read_invoice(connection, delivery.invoice_id)
    documents = _documents(connection, invoice)
    return Parcel(delivery.key, delivery.target, invoice, read_contents(connection, invoice.id), documents)


def _finish(
    connection: psycopg.Connection,
    delivery: Delivery,
    state: State,
    actor: str,
    *,
    error: str | None = None,
    tried: int | None = None,
    external_id: str | None = None,
) -> None:
    """Write down what became of it; `tried` attempts say when the next one is due, None that a person decides."""
    wait = WAITS_MINUTES[tried - 1] if tried and tried <= len(WAITS_MINUTES) else None
    with connection.transaction():
        connection.execute(
            "update billing.deliveries set state = %(state)s, last_error = %(error)s,"
            " external_id = coalesce(%(external_id)s, external_id),"
            " next_attempt_at = clock_timestamp() + make_interval(mins => %(wait)s::int),"
            " delivered_at = case when %(state)s = 'delivered' then clock_timestamp() end where id = %(id)s",
            {"state": state, "error": error, "external_id": external_id, "wait": wait, "id": delivery.id},
        )
        outcome = {"delivery": delivery.id, "state": state, "channel": delivery.channel, "to": delivery.target}
        _record(connection, delivery.invoice_id, actor, outcome | ({"why": error} if error else {}))


def _read(connection: psycopg.Connection, delivery_id: str) -> Delivery:
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        found = cursor.execute(_COLUMNS + "where d.id = %s", (delivery_id,)).fetchone()
    if found is None:
        raise InvoicingError(
            f"There is no delivery {delivery_id}; `workledger invoice show` names those of an invoice."
        )
    return found


def _lock(connection: psycopg.Connection, key: str) -> None:
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


def _record(connection: psycopg.Connection, invoice_id: str, actor: str, payload: Mapping[str, Any]) -> None:
    connection.execute(
        "insert into billing.invoice_events (invoice_id, event_type, actor, payload) values (%s, 'delivery', %s, %s)",
        (invoice_id, actor, Jsonb(payload)),
    )
