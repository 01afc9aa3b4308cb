"""Jobs by which a person decides on invoices and deposits in Dagster's UI: what `workledger invoice` and `cash` call.

Each takes its input from the launchpad, as a typed config. A run that is repeated finds what the first has done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, cast

import dagster as dg
import psycopg
from pydantic import Field, field_validator

from invoicing import cash, disputes, issuing, payments
from invoicing.errors import InvoicingError
from invoicing.issuing import Outcome
from invoicing.matching import Match
from invoicing.paper.printing import Printer
from invoicing.payments import Method
from invoicing.prefills import month_from, today_of
from orchestration.graph.resources import Places
from orchestration.inputs.paper import printer
from orchestration.settings import Settings

RESOURCE: Final = "decisions"


class Decisions:
    """The warehouse as role owner, on the day of as_of; opened when a job needs it."""

    def __init__(self, places: Places) -> None:
        """Take the places."""
        self._places = places

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._places.settings

    @property
    def printer(self) -> Printer:
        """How documents are printed."""
        return printer(self.settings)

    @contextmanager
    def opened(self) -> Iterator[tuple[psycopg.Connection, date]]:
        """A connection of role owner, and the day of as_of.

        Raises:
            dagster.Failure: the decision is refused; says why, and nothing was changed. It is not tried again.
        """
        with self._places.warehouse.connect("owner") as connection:
            try:
                yield connection, today_of(connection, self._places.settings.as_of)
            except InvoicingError as error:
                raise dg.Failure(str(error), allow_retries=False) from error


class _Decision(dg.Config):
    actor: str = Field(description="Who decides.", min_length=1)


class _OnInvoice(_Decision):
    number: str = Field(description="Number of the invoice.")
    reason: str = Field(description="Why; kept with the invoice.", min_length=1)


class IssueConfig(_Decision):
    """What is to be issued."""

    client: str = Field(description="Client: identifier, account number or name.")
    month: str = Field(description="Month, like 2026-06.")
    currency: str | None = Field(default=None, description="ISO 4217 code, where the month has bills in several.")
    issue_date: str | None = Field(default=None, description="Date of the invoice; today if absent.")
    expect: str | None = Field(default=None, description="Hash of the prefill as it was looked at.")
    accept: list[str] = Field(default=[], description="Codes of the warnings that were looked at.")
    notes: str | None = Field(default=None, description="Printed on the invoice.")
    allow_zero: bool = Field(default=False, description="Issue an invoice of 0.")


class CancelConfig(_OnInvoice):
    """Which invoice is to be canceled."""


class CreditConfig(_OnInvoice):
    """Which invoice is to be credited."""


class DisputeConfig(_OnInvoice):
    """Which invoice is disputed, or no longer."""


class _WithAmount(_Decision):
    number: str = Field(description="Number of the invoice or credit note.")
    amount: str = Field(description="Amount in its currency, like 1234.50.")
    on: str | None = Field(default=None, description="When the money came; today if absent.")

    @field_validator("amount")
    @classmethod
    def _is_amount(cls, text: str) -> str:
        try:
            Decimal(text)
        except InvalidOperation:
            raise ValueError(f"{text} is no amount; write it like 1234.50") from None
        return text


class PaymentConfig(_WithAmount):
    """What was paid."""

    method: str = Field(
        default="wire", description="ach, card, wire, check or other.", pattern="^(ach|card|wire|check|other)$"
    )
    reference: str | None = Field(default=None, description="What the payer wrote.")


class WriteOffConfig(_WithAmount):
    """What is to be given up."""

    reason: str = Field(description="Why; kept with the payment.", min_length=1)


class MatchConfig(_Decision):
    """How deposits are matched."""

    dry_run: bool = Field(default=False, description="Say what would be matched, and record nothing.")


class ApplyConfig(_Decision):
    """What a deposit pays."""

    deposit: str = Field(description="Identifier of the deposit, TXN-….")
    numbers: list[str] = Field(description="Numbers of the invoices, in this order.", min_length=1)
    remember: bool = Field(default=False, description="The payer pays for this client from now on.")


class UndoConfig(_Decision):
    """Which payment is taken back."""

    payment: str = Field(description="Identifier of the payment, PAY-….")
    reason: str = Field(description="Why; kept with the payment.", min_length=1)
    on: str | None = Field(default=None, description="When the money went back; absent: it never came.")


@dg.op(required_resource_keys={RESOURCE}, description="Give the bill of a client's month a number.")
def issue_prefill(context: dg.OpExecutionContext, config: IssueConfig) -> None:
    """Issue an invoice."""
    with _decisions(context).opened() as (connection, today):
        outcome = issuing.issue(
            connection,
            config.client,
            month_from(config.month),
            actor=config.actor,
            today=today,
            currency=config.currency,
            issue_date=_day(config.issue_date),
            expect=config.expect,
            accept=config.accept,
            notes=config.notes,
            allow_zero=config.allow_zero,
            printer=_decisions(context).printer,
        )
    _show(context, outcome)


@dg.op(required_resource_keys={RESOURCE}, description="Cancel an invoice that has not left the house.")
def cancel_number(context: dg.OpExecutionContext, config: CancelConfig) -> None:
    """Cancel an invoice."""
    with _decisions(context).opened() as (connection, today):
        _show(
            context,
            issuing.cancel(
                connection,
                config.number,
                actor=config.actor,
                today=today,
                reason=config.reason,
                printer=_decisions(context).printer,
            ),
        )


@dg.op(required_resource_keys={RESOURCE}, description="Correct an invoice by a credit note of the whole.")
def credit_number(context: dg.OpExecutionContext, config: CreditConfig) -> None:
    """Write a credit note."""
    with _decisions(context).opened() as (connection, today):
        _show(
            context,
            issuing.credit(
                connection,
                config.number,
                actor=config.actor,
                today=today,
                reason=config.reason,
                printer=_decisions(context).printer,
            ),
        )


@dg.op(required_resource_keys={RESOURCE}, description="Record that an invoice was paid.")
def pay_number(context: dg.OpExecutionContext, config: PaymentConfig) -> None:
    """Record a payment."""
    with _decisions(context).opened() as (connection, today):
        paid = payments.pay(
            connection,
            config.number,
            Decimal(config.amount),
            actor=config.actor,
            today=today,
            on=_day(config.on),
            method=cast("Method", config.method),
            reference=config.reference,
        )
    _show_paid(context, paid)


@dg.op(required_resource_keys={RESOURCE}, description="Give up a part of what is open on an invoice.")
def write_off_number(context: dg.OpExecutionContext, config: WriteOffConfig) -> None:
    """Write an amount off."""
    with _decisions(context).opened() as (connection, today):
        paid = payments.write_off(
            connection,
            config.number,
            Decimal(config.amount),
            actor=config.actor,
            today=today,
            reason=config.reason,
            on=_day(config.on),
        )
    _show_paid(context, paid)


@dg.op(required_resource_keys={RESOURCE}, description="Record that a client disputes an invoice.")
def dispute_number(context: dg.OpExecutionContext, config: DisputeConfig) -> None:
    """Record a dispute."""
    with _decisions(context).opened() as (connection, _):
        invoice, is_new = disputes.dispute(connection, config.number, actor=config.actor, reason=config.reason)
    context.add_output_metadata({"number": invoice.number, "is_new": is_new})


@dg.op(required_resource_keys={RESOURCE}, description="Record that a dispute has ended.")
def end_dispute_of_number(context: dg.OpExecutionContext, config: DisputeConfig) -> None:
    """Record the end of a dispute."""
    with _decisions(context).opened() as (connection, _):
        invoice, is_new = disputes.end_dispute(connection, config.number, actor=config.actor, reason=config.reason)
    context.add_output_metadata({"number": invoice.number, "is_new": is_new})


@dg.op(required_resource_keys={RESOURCE}, description="Match bank deposits that have exactly one solution.")
def match_rows(context: dg.OpExecutionContext, config: MatchConfig) -> None:
    """Match deposits."""
    with _decisions(context).opened() as (connection, _):
        run = cash.match(connection, actor=config.actor, dry_run=config.dry_run)
    matched = sum(isinstance(one.outcome, Match) for one in run.found)
    context.add_output_metadata(
        {"matched": matched, "waiting": len(run.found) - matched, "taken_back": list(run.taken_back)}
    )


@dg.op(required_resource_keys={RESOURCE}, description="Have a deposit pay invoices.")
def apply_row(context: dg.OpExecutionContext, config: ApplyConfig) -> None:
    """Apply a deposit."""
    with _decisions(context).opened() as (connection, _):
        applied = cash.apply(connection, config.deposit, config.numbers, actor=config.actor, remember=config.remember)
    context.add_output_metadata(
        {
            "payment": applied.payment_id,
            "open": {one.number: f"{one.open} {one.currency}" for one in applied.invoices},
            "unapplied": str(applied.unapplied),
        }
    )


@dg.op(required_resource_keys={RESOURCE}, description="Take a payment back by an opposite one.")
def undo_row(context: dg.OpExecutionContext, config: UndoConfig) -> None:
    """Take a payment back."""
    with _decisions(context).opened() as (connection, _):
        numbers = payments.undo(
            connection, config.payment, actor=config.actor, reason=config.reason, on=_day(config.on)
        )
    context.add_output_metadata({"open_again": list(numbers)})


def _job(decision: dg.OpDefinition, name: str, description: str) -> dg.JobDefinition:
    """The job of one decision."""
    return dg.GraphDefinition(name, node_defs=[decision], description=description).to_job()


JOBS: Final = (
    _job(issue_prefill, "issue_invoice", "Turn a prefill into an invoice."),
    _job(
        cancel_number, "cancel_invoice", "Cancel an invoice that has not left the house; its month can be issued again."
    ),
    _job(credit_number, "credit_invoice", "Correct an invoice by a credit note; its month can be issued again."),
    _job(pay_number, "record_payment", "Record that an invoice was paid, or a credit note paid back."),
    _job(write_off_number, "write_off_invoice", "Give up a part of what is open on an invoice."),
    _job(
        dispute_number,
        "dispute_invoice",
        "Record that a client disputes an invoice; no reminder of it is due until the dispute ends.",
    ),
    _job(end_dispute_of_number, "end_dispute", "Record that the dispute of an invoice has ended."),
    _job(
        match_rows, "match_deposits", "Match bank deposits with open invoices; what has not exactly one solution waits."
    ),
    _job(apply_row, "apply_deposit", "Have a bank deposit pay invoices, as a person decides."),
    _job(undo_row, "undo_payment", "Take a payment back; what it settled is open again."),
)


def _decisions(context: dg.OpExecutionContext) -> Decisions:
    decisions: Decisions = getattr(context.resources, RESOURCE)
    return decisions


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvoicingError(f"{text} is not a date; write it like 2026-06-30.") from None


def _show(context: dg.OpExecutionContext, outcome: Outcome) -> None:
    invoice = outcome.invoice
    context.add_output_metadata(
        {
            "number": invoice.number,
            "status": invoice.status,
            "total": f"{invoice.total} {invoice.currency}",
            "due": str(invoice.due_date),
            "is_new": outcome.is_new,
            **({"unprinted": outcome.unprinted} if outcome.unprinted else {}),
        }
    )


def _show_paid(context: dg.OpExecutionContext, paid: payments.Paid) -> None:
    invoice = paid.invoice
    context.add_output_metadata(
        {
            "payment": paid.payment_id,
            "number": invoice.number,
            "open": f"{invoice.open} {invoice.currency}",
            "unapplied": str(paid.unapplied),
            "is_new": paid.is_new,
        }
    )
