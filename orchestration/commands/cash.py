"""`workledger cash`: bank deposits and what they pay; `invoicing.cash` carries it out."""

from collections.abc import Sequence
from datetime import date

from invoicing import cash, payments
from invoicing.cash import Found
from invoicing.matching import Match, Waiting
from orchestration.commands.decisions import Notify, opened, print_table, say, who
from orchestration.settings import Settings


def match(settings: Settings, dry_run: bool, actor: str | None, notify: Notify) -> None:
    """Match deposits, and print what pays what and what waits."""
    with opened(settings, notify) as (connection, _):
        run = cash.match(connection, actor=who(actor), dry_run=dry_run)
    if run.found:
        print_table(
            ("deposit", "date", "currency", "amount", "rule", "pays", "why"),
            [
                (
                    one.row.shown_id,
                    one.row.received_on,
                    one.row.currency,
                    one.row.amount,
                    one.outcome.rule if isinstance(one.outcome, Match) else "",
                    ", ".join(_pays(one)),
                    "; ".join(one.outcome.reasons) if isinstance(one.outcome, Match) else one.outcome.why,
                )
                for one in run.found
            ],
        )
    if run.taken_back:
        would = "would be" if dry_run else "is" if len(run.taken_back) == 1 else "are"
        say(
            f"{_count(len(run.taken_back), 'payment')} {would} taken back, because the bank withdrew or changed the "
            f"deposit: {', '.join(run.taken_back)}."
        )
    matched = sum(isinstance(one.outcome, Match) for one in run.found)
    waiting = len(run.found) - matched
    if dry_run:
        say(f"{_count(matched, 'deposit')} would be matched, {waiting} would wait.")
    else:
        say(
            f"{_count(matched, 'deposit')} {'is' if matched == 1 else 'are'} matched, {waiting} "
            f"{'waits' if waiting == 1 else 'wait'}; reports.unmatched_deposits says why."
        )


def apply(
    settings: Settings, deposit: str, targets: Sequence[str], remember: bool, actor: str | None, notify: Notify
) -> None:
    """Have a deposit pay invoices, and print what is still open."""
    with opened(settings, notify) as (connection, _):
        applied = cash.apply(connection, deposit, targets, actor=who(actor), remember=remember)
    opens = "; ".join(f"{one.number}, {one.open} {one.currency} open" for one in applied.invoices)
    rest = f"; {applied.unapplied} {applied.currency} remain unapplied" if applied.unapplied else ""
    payer = f"; the payer is remembered for {applied.remembered}" if applied.remembered else ""
    say(f"{applied.payment_id} is recorded: {opens}{rest}{payer}.")


def undo(settings: Settings, payment: str, reason: str, on: date | None, actor: str | None, notify: Notify) -> None:
    """Take a payment back and print what is open again."""
    with opened(settings, notify) as (connection, _):
        numbers = payments.undo(connection, payment, actor=who(actor), reason=reason, on=on)
    again = f"; open again: {', '.join(numbers)}" if numbers else ""
    say(f"{payment} is taken back{again}.")


def _pays(found: Found) -> Sequence[str]:
    if isinstance(found.outcome, Waiting):
        return [f"{' + '.join(one.numbers) or one.payment_id}?" for one in found.outcome.candidates]
    return [part.invoice.number for part in found.outcome.parts] or [one.id for one in found.outcome.joined]


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
