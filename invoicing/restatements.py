"""Restatements: what changed after it was billed, found by the build, recorded once, and settled by the next bill.

The build compares each invoiced month with what it would be now (`intermediate.int_billing__restatements`, rule 10.4).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import psycopg

from invoicing.errors import InvoicingError
from invoicing.prefills import Prefill

_EXISTS: Final = "select to_regclass('intermediate.int_billing__restatements')"
_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('workledger.restatements', 0))"

# A month of which an invoice was issued, canceled or credited since the build is left to the next one.
# What was recorded before and is on no live invoice is part of what is known: only the change since is added.
_RECORD: Final = """
    with bills as (
        select i.id, i.client_id, i.currency, i.invoice_month
        from billing.invoices as i
        inner join intermediate.int_billing__billed_months as b on i.id = b.invoice_id
        where
            i.is_live and i.id = coalesce(%(invoice)s, i.id)
            and b.billed_by = billing.billed_by(b.client_id, b.currency, b.billed_month)
    ),
    found as (
        select r.* from intermediate.int_billing__restatements as r where r.line_id is not null
    ),
    recorded as (
        select
            r.invoice_id, r.time_entry_id, r.prefill_line_id,
            sum(r.now_seconds - r.was_seconds) as seconds, sum(r.amount) as amount,
            (array_agg(r.now_seconds order by r.found_at desc, r.id))[1] as now_seconds,
            (array_agg(r.now_amount order by r.found_at desc, r.id))[1] as now_amount
        from billing.restatements as r
        where not exists (
            select 1
            from billing.settled_restatements as s
            inner join billing.invoice_line_items as l on s.line_id = l.id
            inner join billing.invoices as j on l.invoice_id = j.id and j.is_live
            where s.restatement_id = r.id
        )
        group by r.invoice_id, r.time_entry_id, r.prefill_line_id
    ),
    changes as (
        select
            b.id as invoice_id, b.client_id, b.currency, b.invoice_month,
            coalesce(f.time_entry_id, r.time_entry_id) as time_entry_id,
            coalesce(f.prefill_line_id, r.prefill_line_id) as prefill_line_id,
            coalesce(f.was_seconds + coalesce(r.seconds, 0), r.now_seconds) as was_seconds,
            coalesce(f.was_amount + coalesce(r.amount, 0), r.now_amount) as was_amount,
            coalesce(f.now_seconds, r.now_seconds - r.seconds) as now_seconds,
            coalesce(f.now_amount, r.now_amount - r.amount) as now_amount
        from found as f
        full outer join recorded as r
            on
                f.invoice_id = r.invoice_id
                and coalesce(f.time_entry_id, f.prefill_line_id) = coalesce(r.time_entry_id, r.prefill_line_id)
        inner join bills as b on coalesce(f.invoice_id, r.invoice_id) = b.id
    )
    insert into billing.restatements (
        id, invoice_id, client_id, currency, invoice_month, time_entry_id, prefill_line_id, was_seconds, now_seconds,
        was_amount, now_amount
    )
    select
        'RES-' || left(replace(gen_random_uuid()::text, '-', ''), 12), invoice_id, client_id, currency, invoice_month,
        time_entry_id, prefill_line_id, was_seconds, now_seconds, was_amount, now_amount
    from changes
    where (was_seconds, was_amount) <> (now_seconds, now_amount)
    order by invoice_id, time_entry_id, prefill_line_id
"""

_SETTLE: Final = """
    insert into billing.settled_restatements (restatement_id, line_id)
    select r.id, %(line)s
    from billing.restatements as r
    where
        r.invoice_id = %(invoice)s and (r.time_entry_id is not null) = %(of_time)s
        and not exists (
            select 1
            from billing.settled_restatements as s
            inner join billing.invoice_line_items as l on s.line_id = l.id
            inner join billing.invoices as j on l.invoice_id = j.id and j.is_live
            where s.restatement_id = r.id
        )
    order by r.id
"""


def record(connection: psycopg.Connection, invoice_id: str | None = None) -> int:
    """Record what the last build found changed after it was billed; nothing twice.

    Args:
        connection: of role owner.
        invoice_id: the invoice that billed it; None is any.

    Returns:
        How many restatements are new.
    """
    with connection.transaction():
        found = connection.execute(_EXISTS).fetchone()
        if found is None or found[0] is None:
            return 0
        connection.execute(_LOCK)
        return connection.execute(_RECORD, {"invoice": invoice_id}).rowcount


def refuse_stale(connection: psycopg.Connection, prefill: Prefill) -> None:
    """Refuse a bill that was built before its month, or one that it adjusts, was invoiced, canceled or credited.

    Args:
        connection: of role owner, in the transaction that issues.
        prefill: what is to be issued.

    Raises:
        InvoicingError: a build must work it out again.
    """
    known = {prefill.month: prefill.billed_by}
    for line in prefill.lines:
        if line["basis"] == "adjustment":
            known[date.fromisoformat(_snapshot(line)["restated_month"])] = _snapshot(line)["billed_by"]
    for restated, billed_by in known.items():
        row = connection.execute(
            "select billing.billed_by(%s, %s, %s)", (prefill.client_id, prefill.currency, restated)
        ).fetchone()
        if row is not None and row[0] != billed_by:
            raise InvoicingError(
                f"What is invoiced for {restated:%Y-%m} has changed since the bill of {prefill.subject} was built; "
                "build it again (`workledger run`)."
            )


def settle(connection: psycopg.Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Keep which restatements the adjustment lines of an invoice bill; the database refuses to bill one twice.

    Args:
        connection: of role owner, in the transaction that issues.
        lines: of the prefill, each with the `line_id` that it has on the invoice.

    Raises:
        InvoicingError: a build has found other differences since the prefill was read.
    """
    for restated in restated_invoices(lines):
        record(connection, restated)
    for line in lines:
        if line["basis"] == "adjustment" and "restated_invoice_id" in _snapshot(line):
            _settle_line(connection, line)


def restated_invoices(lines: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """Identifiers of the invoices that the lines adjust, oldest month first."""
    snapshots = [_snapshot(line) for line in lines if line["basis"] == "adjustment"]
    found = {(one["restated_month"], one["restated_invoice_id"]) for one in snapshots if "restated_invoice_id" in one}
    return [invoice for _, invoice in sorted(found)]


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _snapshot(line: Mapping[str, Any]) -> Mapping[str, Any]:
    snapshot: Mapping[str, Any] = json.loads(line["billing_rule_snapshot"], parse_float=Decimal)
    return snapshot


def _settle_line(connection: psycopg.Connection, line: Mapping[str, Any]) -> None:
    values = {
        "line": line["line_id"],
        "invoice": _snapshot(line)["restated_invoice_id"],
        "of_time": bool(line["entries"]),
    }
    connection.execute(_SETTLE, values)
    settled = connection.execute(
        "select coalesce(sum(r.amount), 0) from billing.settled_restatements as s"
        " inner join billing.restatements as r on s.restatement_id = r.id where s.line_id = %s",
        (line["line_id"],),
    ).fetchone()
    if settled is not None and settled[0] != Decimal(line["line_total"]):
        raise InvoicingError(f"{line['description']}: the warehouse is being built; try again in a minute.")
