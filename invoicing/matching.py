"""Which open invoices a bank deposit pays: rules by name, taken only where exactly one solution exists (rule 10.21).

Pure functions over plain data; amounts are whole cents. `invoicing.cash` reads what they need and records what they
say.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import combinations, pairwise
from math import comb, gcd
from typing import Final, Literal

Rule = Literal[
    "number_and_amount",
    "payer_and_amount",
    "payer_and_sum",
    "number_partial",
    "number_less_fee",
    "processor_payout",
    "number_other_currency",
    "recorded_by_hand",
]

MOST_ITEMS: Final = 6
"""Most invoices that a deposit without numbers may pay."""
MOST_OPEN: Final = 25
"""With more open invoices than this, sums that fit by accident are too likely."""
MOST_CANDIDATES: Final = 3
_FX_TOLERANCE: Final = Decimal("0.02")
_BY_HAND_DAYS: Final = 7
_TWICE_DAYS: Final = 14
_PAYOUT_DAYS: Final = 45
# A sum of several invoices is taken if fewer accidental sums than this are expected to hit an amount.
_ACCIDENTS: Final = Decimal("0.001")
_SHORT_DIGITS: Final = 6
_LONGEST_NUMBER: Final = 10
_SHORTEST_NAME: Final = 4
_NUMBER_WORDS: Final = frozenset({"INV", "INVOICE", "INVOICES", "NO", "NR", "NUM", "NUMBER", "REF", "RE", "BILL"})
_STATES: Final = {
    "settled": "is settled already, so it may be paid twice",
    "canceled": "is canceled",
    "credited": "is credited",
    "credit_note": "is a credit note",
}
_RUN: Final = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True)
class OpenInvoice:
    """An issued invoice of which something is to be paid."""

    id: str
    number: str
    client_id: str
    currency: str
    open: int
    issued_on: date


@dataclass(frozen=True)
class KnownNumber:
    """Any number that was ever given: also of settled and canceled invoices, and of credit notes."""

    number: str
    client_id: str
    state: Literal["open", "settled", "canceled", "credited", "credit_note"]


@dataclass(frozen=True)
class Client:
    """A client as payers are compared with it."""

    id: str
    names: tuple[str, ...]
    parent_id: str | None = None


@dataclass(frozen=True)
class HandPayment:
    """A payment that a person recorded, and that no deposit was joined with yet."""

    id: str
    client_id: str
    currency: str
    amount: int
    received_on: date
    numbers: tuple[str, ...]
    """Of the invoices that it settles."""
    reference: str | None = None


@dataclass(frozen=True)
class FeeRule:
    """What a bank or payment processor keeps back: at most `fixed` + `share` of the invoice."""

    fixed: int = 0
    share: Decimal = Decimal(0)
    is_processor: bool = False
    """Whether the payouts of a processor hold the payments of several clients, less exactly this fee each."""

    def fee(self, amount: int) -> int:
        """The fee on an invoice of an amount, in cents."""
        return self.fixed + int((amount * self.share).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass(frozen=True)
class Rate:
    """Units of `to` for one unit of `currency`, from a day on."""

    currency: str
    to: str
    on: date
    rate: Decimal


@dataclass(frozen=True)
class Deposit:
    """Money that came into a bank account."""

    id: str
    received_on: date
    amount: int
    currency: str
    text: str
    payer: str | None = None
    """Who paid, where the bank says so."""
    client_id: str | None = None
    """The client that a transaction rule names."""
    is_income: bool = True
    """False for transfers, refunds and interest, which pay an invoice only if they name it."""
    fee_rules: tuple[FeeRule, ...] = ()
    """Those of payment_fees.csv that hold for it."""


@dataclass(frozen=True)
class Part:
    """What of a deposit settles how much of an invoice."""

    invoice: OpenInvoice
    amount: int
    """In the invoice's currency."""
    deposit_amount: int
    """In the deposit's currency."""
    fee: int = 0
    """Beside `amount`: what the bank or processor kept."""
    fx_difference: int = 0
    """Beside `amount`: what the exchange rate of the day would have left open."""


@dataclass(frozen=True)
class Match:
    """The only solution, found by a rule."""

    rule: Rule
    reasons: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    joined: tuple[HandPayment, ...] = ()
    """Payments recorded by hand that this deposit is; nothing is allocated then."""


@dataclass(frozen=True)
class Candidate:
    """What the deposit could be, and why it was not taken."""

    numbers: tuple[str, ...]
    client_ids: tuple[str, ...]
    open: int
    currency: str
    why_not: str
    payment_id: str | None = None


@dataclass(frozen=True)
class Waiting:
    """A deposit that a person decides about."""

    why: str
    candidates: tuple[Candidate, ...] = ()


@dataclass
class Ledger:
    """What is open and what is known; `take` keeps it true while deposits are matched one after the other."""

    invoices: Iterable[OpenInvoice]
    numbers: Iterable[KnownNumber] = ()
    clients: Iterable[Client] = ()
    aliases: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Clients by `payer_key`, as people have decided."""
    rates: Sequence[Rate] = ()
    by_hand: Iterable[HandPayment] = ()
    taken: list[tuple[str, str, int, date]] = field(default_factory=list)
    """Client, currency, amount and day of deposits that were matched before."""
    left: list[Deposit] = field(default_factory=list)
    """Deposits that wait."""

    def __post_init__(self) -> None:
        """Index what came."""
        self.open: dict[str, OpenInvoice] = {one.number: one for one in self.invoices if one.open > 0}
        self.known = {one.number: one for one in self.numbers} | {
            one.number: KnownNumber(one.number, one.client_id, "open") for one in self.open.values()
        }
        self.hand = {one.id: one for one in self.by_hand}
        self.people = {one.id: one for one in self.clients}

    def take(self, deposit: Deposit, match: Match) -> None:
        """Reduce what is open by what a match settles."""
        for payment in match.joined:
            del self.hand[payment.id]
        for part in match.parts:
            one = part.invoice
            left = self.open[one.number].open - part.amount - part.fee - part.fx_difference
            if left:
                self.open[one.number] = OpenInvoice(
                    one.id, one.number, one.client_id, one.currency, left, one.issued_on
                )
            else:
                del self.open[one.number]
                self.known[one.number] = KnownNumber(one.number, one.client_id, "settled")
        for client_id in {part.invoice.client_id for part in match.parts} | {one.client_id for one in match.joined}:
            self.taken.append((client_id, deposit.currency, deposit.amount, deposit.received_on))

    def leave(self, deposit: Deposit) -> None:
        """Remember a deposit that waits, since the next of the same amount may be its repetition."""
        self.left.append(deposit)

    def family(self, client_id: str) -> str:
        """The client's topmost parent; a circle ends where it began."""
        seen = {client_id}
        while (client := self.people.get(client_id)) and client.parent_id and client.parent_id not in seen:
            client_id = client.parent_id
            seen.add(client_id)
        return client_id

    @cached_property
    def spellings(self) -> dict[str, set[str]]:
        """Numbers by what a memo may make of them: without separators, or without leading zeros."""
        found: dict[str, set[str]] = defaultdict(set)
        for number in self.known:
            runs = [text for text, _, _ in _runs(number)]
            for spelling in _spellings(runs):
                found[spelling].add(number)
        return found

    @cached_property
    def names(self) -> dict[tuple[str, ...], set[str]]:
        """Clients by the words of their names."""
        found: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for client in self.people.values():
            for name in client.names:
                if words := _words(name):
                    found[words].add(client.id)
        return found


def payer_key(payer: str) -> str:
    """A payer as it is remembered: upper case, words alone, whatever spaces and signs the bank puts between them."""
    return " ".join(_words(payer))


def decide(deposit: Deposit, ledger: Ledger) -> Match | Waiting | None:
    """Find the only invoices that a deposit can pay.

    Args:
        deposit: posted money in, above 0.
        ledger: what is open before it.

    Returns:
        The solution; why there is none, or not only one, with candidates; None for money that is no client's.
    """
    named = _numbers_in(deposit, ledger)
    if not named.numbers and not named.is_ambiguous and not deposit.is_income:
        return None
    payer = _payer(deposit, ledger)
    found = _recorded_by_hand(deposit, named.numbers, payer, ledger)
    if found is None:
        if named.is_ambiguous:
            found = Waiting("the text can be read as several invoice numbers", ())
        elif named.numbers:
            found = _by_number(deposit, named.numbers, payer, ledger)
        else:
            found = _without_number(deposit, payer, ledger)
    if isinstance(found, Match):
        return found
    return Waiting(found.why, _candidates(deposit, found, named.numbers, payer, ledger))


# --- numbers in the text ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Named:
    numbers: tuple[str, ...]
    is_ambiguous: bool = False


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()


def _runs(text: str) -> list[tuple[str, int, int]]:
    """Runs of letters and of digits, with where they begin and end."""
    return [(found.group(), found.start(), found.end()) for found in _RUN.finditer(_fold(text))]


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", _fold(text).replace("_", " ")))


def _spellings(runs: Sequence[str]) -> set[str]:
    return {"".join(runs), "|".join(run.lstrip("0") or "0" if run.isdigit() else run for run in runs)}


def _numbers_in(deposit: Deposit, ledger: Ledger) -> _Named:
    """Numbers that stand in the text as words of their own: INV-1 is not in INV-11."""
    text = _fold(deposit.text)
    runs = _runs(deposit.text)
    hits: dict[tuple[int, int], set[str]] = {}
    for first in range(len(runs)):
        for last in range(first, min(first + _LONGEST_NUMBER, len(runs))):
            if not _is_bounded(text, runs, first, last):
                continue
            inside = [run for run, _, _ in runs[first : last + 1]]
            found = {number for spelling in _spellings(inside) for number in ledger.spellings.get(spelling, ())}
            if "".join(inside).isdigit() and len("".join(inside)) < _SHORT_DIGITS and not _is_announced(runs, first):
                continue
            if found:
                hits[first, last] = found
    widest = {
        span: found
        for span, found in hits.items()
        if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in hits)
    }
    spans = sorted(widest)
    overlap = any(left[1] >= right[0] for left, right in pairwise(spans))
    # "LW-2026-004 1" may be the number 0041, broken by the end of a line, or 004 and something else.
    torn = any(
        span not in widest and any(_is_torn(text, runs, wide) for wide in widest if _holds(wide, span)) for span in hits
    )
    numbers = tuple(dict.fromkeys(number for span in spans for number in sorted(widest[span])))
    return _Named(numbers, overlap or torn or any(len(found) > 1 for found in widest.values()))


def _holds(wide: tuple[int, int], span: tuple[int, int]) -> bool:
    return wide[0] <= span[0] and span[1] <= wide[1]


def _is_torn(text: str, runs: Sequence[tuple[str, int, int]], span: tuple[int, int]) -> bool:
    return any(
        left[0].isdigit() and right[0].isdigit() and text[left[2] : right[1]].isspace()
        for left, right in zip(runs[span[0] : span[1]], runs[span[0] + 1 : span[1] + 1], strict=True)
    )


def _is_bounded(text: str, runs: Sequence[tuple[str, int, int]], first: int, last: int) -> bool:
    """Whether no letter or digit touches it, nor a part of a longer number: INV-1 is not in INV-1-2026."""
    if first:
        before, _, end = runs[first - 1]
        gap = text[end : runs[first][1]]
        if not gap or (gap in {"-", "_", "."} and before not in _NUMBER_WORDS):
            return False
    if last + 1 < len(runs):
        after, start, _ = runs[last + 1]
        gap = text[runs[last][2] : start]
        if not gap or (gap in {"-", "_", ".", "/"} and after.isdigit()):
            return False
    return True


def _is_announced(runs: Sequence[tuple[str, int, int]], first: int) -> bool:
    return first > 0 and runs[first - 1][0] in _NUMBER_WORDS


# --- the payer ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Payer:
    known: frozenset[str]
    """Clients for whom this payer pays, by a person's decision or by the client's own name."""
    named: frozenset[str]
    """Clients whose names stand in the text."""
    why: str = ""


def _payer(deposit: Deposit, ledger: Ledger) -> _Payer:
    if deposit.client_id:
        return _Payer(frozenset({deposit.client_id}), frozenset(), "a transaction rule names the client")
    key = payer_key(deposit.payer or "")
    words = tuple(key.split())
    named = _clients_in(_words(f"{deposit.payer or ''} | {deposit.text}"), ledger)
    if key and (decided := frozenset(ledger.aliases.get(key, ()))):
        return _Payer(decided, named, "the payer was remembered for the client")
    if words and (same := frozenset(ledger.names.get(words, ()))):
        return _Payer(same, named, "the payer has the client's name")
    return _Payer(frozenset(), named)


def _clients_in(words: tuple[str, ...], ledger: Ledger) -> frozenset[str]:
    found: set[str] = set()
    longest = max(map(len, ledger.names), default=0)
    for first in range(len(words)):
        for last in range(first + 1, min(first + longest, len(words)) + 1):
            part = words[first:last]
            if sum(map(len, part)) >= _SHORTEST_NAME:
                found |= ledger.names.get(part, set())
    return frozenset(found)


def _contradiction(payer: _Payer, client_ids: Collection[str], ledger: Ledger) -> str | None:
    """Why somebody else than the clients or their family has paid; None if nothing says so."""
    families = {ledger.family(one) for one in client_ids}
    if payer.known and not families <= {ledger.family(one) for one in payer.known}:
        return f"{payer.why}, and the invoice is of another"
    if not payer.known and payer.named and not families & {ledger.family(one) for one in payer.named}:
        return "the text names another client than that of the invoice"
    return None


# --- rules --------------------------------------------------------------------------------------------------------


def _recorded_by_hand(
    deposit: Deposit, numbers: Sequence[str], payer: _Payer, ledger: Ledger
) -> Match | Waiting | None:
    """The payment that a person recorded before the bank's row came; None if there is none like it."""
    near = [
        one
        for one in ledger.hand.values()
        if one.currency == deposit.currency and abs((one.received_on - deposit.received_on).days) <= _BY_HAND_DAYS
    ]
    text = f" {' '.join(_words(deposit.text))} "
    cited = [one for one in near if _is_cited(one.reference, text)]
    if numbers:
        like = [one for one in near if set(one.numbers) & set(numbers) and set(numbers) >= set(one.numbers)]
        why = "it names the invoices that the payment settles"
    elif cited:
        like, why = cited, "it has the payment's reference"
    else:
        like = [one for one in near if {one.client_id} == payer.known]
        why = payer.why
    if not like or len(like) > MOST_OPEN:
        return None
    found = list(_sums([one.amount for one in like], deposit.amount))
    if not found:
        return None
    # Payments of the same amount month by month: this may be the next one.
    is_told = bool(numbers or cited)
    may_be_next = not is_told and _has_solution(deposit, _open_of_payer(deposit, payer, ledger))
    if len(found) > 1 or may_be_next:
        return Waiting("it can be a payment that was recorded by hand, and something else")
    joined = tuple(like[position] for position in found[0])
    said = ", ".join(one.id for one in joined)
    return Match("recorded_by_hand", (f"{said} was recorded by hand with this amount", why), joined=joined)


def _is_cited(reference: str | None, text: str) -> bool:
    words = _words(reference or "")
    return (
        len("".join(words)) >= _SHORTEST_NAME
        and any(character.isdigit() for word in words for character in word)
        and f" {' '.join(words)} " in text
    )


def _by_number(deposit: Deposit, numbers: Sequence[str], payer: _Payer, ledger: Ledger) -> Match | Waiting:
    for number in numbers:
        if said := _STATES.get(ledger.known[number].state):
            return Waiting(f"{number} {said}")
    invoices = [ledger.open[number] for number in numbers]
    clients = {one.client_id for one in invoices}
    if contradiction := _contradiction(payer, clients, ledger):
        return Waiting(contradiction)
    if late := [one.number for one in invoices if one.issued_on > deposit.received_on]:
        return Waiting(f"{late[0]} was issued after the money came")
    currencies = {one.currency for one in invoices}
    if currencies != {deposit.currency}:
        if len(invoices) > 1:
            return Waiting("it names invoices in another currency")
        return _in_other_currency(deposit, invoices[0], payer, ledger)
    total = sum(one.open for one in invoices)
    named = f"the text names {', '.join(numbers)}"
    if total == deposit.amount:
        reasons = (named, f"{_money(total)} {deposit.currency} are open on it", *([payer.why] if payer.why else []))
        return Match("number_and_amount", reasons, tuple(Part(one, one.open, one.open) for one in invoices))
    if deposit.amount > total:
        return Waiting(f"it is {_money(deposit.amount - total)} more than is open on {', '.join(numbers)}")
    if processor := _processor(deposit):
        nets = [one.open - processor.fee(one.open) for one in invoices]
        if sum(nets) == deposit.amount and min(nets) > 0:
            return _payout(invoices, processor, (named, "each less the processor's fee"))
    if len(invoices) > 1:
        return Waiting(f"it is {_money(total - deposit.amount)} less than is open on {', '.join(numbers)} together")
    return _less_than_open(deposit, invoices[0], payer, ledger)


def _less_than_open(deposit: Deposit, invoice: OpenInvoice, payer: _Payer, ledger: Ledger) -> Match | Waiting:
    """A number alone may be a wrong one, so that the payer must fit, and no other invoice the amount."""
    if not _is_payers(invoice.client_id, payer, ledger):
        return Waiting(f"it is less than is open on {invoice.number}, and the payer is unknown")
    family = _open_of_family(invoice.client_id, deposit, ledger)
    if _has_solution(deposit, family) or _is_amount_of_one(deposit, ledger):
        return Waiting(f"it names {invoice.number}, and its amount is that of other invoices")
    short = invoice.open - deposit.amount
    named = f"the text names {invoice.number}"
    fits = payer.why or "the text has the client's name"
    if any(short <= rule.fee(invoice.open) for rule in deposit.fee_rules):
        reasons = (named, fits, f"{_money(short)} {deposit.currency} less, within the fee of payment_fees.csv")
        return Match("number_less_fee", reasons, (Part(invoice, deposit.amount, deposit.amount, fee=short),))
    reasons = (named, fits, f"{_money(short)} {deposit.currency} stay open")
    return Match("number_partial", reasons, (Part(invoice, deposit.amount, deposit.amount),))


def _in_other_currency(deposit: Deposit, invoice: OpenInvoice, payer: _Payer, ledger: Ledger) -> Match | Waiting:
    rate = rate_on(ledger.rates, deposit.currency, invoice.currency, deposit.received_on)
    if rate is None:
        return Waiting(
            f"{invoice.number} is in {invoice.currency}, and fx_rates.csv has no rate from {deposit.currency}"
        )
    if not _is_payers(invoice.client_id, payer, ledger):
        return Waiting(f"{invoice.number} is in {invoice.currency}, and the payer is unknown")
    worth = converted(deposit.amount, rate)
    if not _is_near(worth, invoice.open):
        return Waiting(
            f"at {rate} it is {_money(worth)} {invoice.currency}, and {_money(invoice.open)} are open on "
            f"{invoice.number}"
        )
    reasons = (
        f"the text names {invoice.number}",
        payer.why or "the text has the client's name",
        f"at {rate} it is {_money(worth)} {invoice.currency} of {_money(invoice.open)}",
    )
    return Match("number_other_currency", reasons, (part_in_other_currency(deposit.amount, invoice, rate),))


def _without_number(deposit: Deposit, payer: _Payer, ledger: Ledger) -> Match | Waiting:
    if processor := _processor(deposit):
        return _payout_of_several(deposit, processor, ledger)
    if not payer.known:
        return Waiting("it names no invoice, and the payer is unknown")
    if len(payer.known) > 1:
        return Waiting("it names no invoice, and the payer pays for several clients")
    [client_id] = payer.known
    own = _open_of_payer(deposit, payer, ledger)
    if not own:
        return Waiting("nothing of the payer is open")
    if len(own) > MOST_OPEN:
        return Waiting(f"the payer has more than {MOST_OPEN} open invoices")
    found = list(_solutions(deposit, own))
    if not found:
        return Waiting("no open invoices of the payer have this amount")
    if len(found) > 1:
        return Waiting("several invoices of the payer have this amount")
    family = [one for one in _open_of_family(client_id, deposit, ledger) if one.client_id != client_id]
    if _has_solution(deposit, family):
        return Waiting("invoices of the payer, and of another client of its family, have this amount")
    if _is_twice(client_id, deposit, ledger):
        return Waiting(f"the payer has paid the same amount within {_TWICE_DAYS} days, so it may be paid twice")
    [invoices] = found
    if len(invoices) > 1:
        if _is_amount_of_one(deposit, ledger):
            return Waiting("a sum of the payer's invoices has this amount, and so has an invoice of another client")
        if len(invoices) < len(own) and _accidents([one.open for one in own]) > _ACCIDENTS:
            return Waiting("a sum of the payer's invoices has this amount, which may be an accident")
    rule: Rule = "payer_and_amount" if len(invoices) == 1 else "payer_and_sum"
    numbers = ", ".join(one.number for one in invoices)
    reasons = (payer.why, f"of its open invoices only {numbers} have this amount")
    return Match(rule, reasons, tuple(Part(one, one.open, one.open) for one in invoices))


def _payout_of_several(deposit: Deposit, processor: FeeRule, ledger: Ledger) -> Match | Waiting:
    since = deposit.received_on - timedelta(days=_PAYOUT_DAYS)
    invoices = [
        one
        for one in _open_before(deposit, ledger.open.values())
        if one.issued_on >= since and one.open > processor.fee(one.open)
    ]
    if len(invoices) > MOST_OPEN:
        return Waiting(f"a processor's payout, and more than {MOST_OPEN} invoices of {_PAYOUT_DAYS} days are open")
    nets = [one.open - processor.fee(one.open) for one in invoices]
    found = list(_sums(nets, deposit.amount))
    if not found:
        return Waiting("a processor's payout, and no open invoices less its fee have this amount")
    if len(found) > 1:
        return Waiting("a processor's payout, and several sets of invoices less its fee have this amount")
    if _accidents(nets) > _ACCIDENTS:
        return Waiting("a processor's payout, and the only sum that fits may be an accident")
    chosen = [invoices[position] for position in found[0]]
    numbers = ", ".join(one.number for one in chosen)
    return _payout(chosen, processor, ("the payer is a processor", f"only {numbers} less its fee have this amount"))


def _payout(invoices: Sequence[OpenInvoice], processor: FeeRule, reasons: tuple[str, ...]) -> Match:
    parts = []
    for one in invoices:
        fee = processor.fee(one.open)
        parts.append(Part(one, one.open - fee, one.open - fee, fee=fee))
    return Match("processor_payout", reasons, tuple(parts))


# --- what rules share ---------------------------------------------------------------------------------------------


def rate_on(rates: Iterable[Rate], currency: str, to: str, on: date) -> Decimal | None:
    """The last rate on or before a day, in this direction alone (rule 9.9); None without one."""
    known = [(one.on, one.rate) for one in rates if (one.currency, one.to) == (currency, to) and one.on <= on]
    return max(known)[1] if known else None


def part_in_other_currency(amount: int, invoice: OpenInvoice, rate: Decimal) -> Part:
    """What a deposit in another currency settles: all that is open where the rate leaves or exceeds at most 2 %."""
    worth = converted(amount, rate)
    if _is_near(worth, invoice.open):
        short = max(invoice.open - worth, 0)
        return Part(invoice, invoice.open - short, amount, fx_difference=short)
    if worth < invoice.open:
        return Part(invoice, worth, amount)
    return Part(invoice, invoice.open, min(amount, converted(invoice.open, 1 / rate)))


def _is_near(worth: int, expected: int) -> bool:
    return abs(worth - expected) <= expected * _FX_TOLERANCE


def converted(amount: int, rate: Decimal) -> int:
    """Cents in another currency, half up."""
    return int((amount * rate).quantize(Decimal(1), ROUND_HALF_UP))


def _is_payers(client_id: str, payer: _Payer, ledger: Ledger) -> bool:
    family = ledger.family(client_id)
    return family in {ledger.family(one) for one in payer.known or payer.named}


def _open_before(deposit: Deposit, invoices: Iterable[OpenInvoice]) -> list[OpenInvoice]:
    return sorted(
        (one for one in invoices if one.currency == deposit.currency and one.issued_on <= deposit.received_on),
        key=lambda one: (one.issued_on, one.number),
    )


def _open_of_payer(deposit: Deposit, payer: _Payer, ledger: Ledger) -> list[OpenInvoice]:
    return _open_before(deposit, (one for one in ledger.open.values() if one.client_id in payer.known))


def _open_of_family(client_id: str, deposit: Deposit, ledger: Ledger) -> list[OpenInvoice]:
    family = ledger.family(client_id)
    return _open_before(deposit, (one for one in ledger.open.values() if ledger.family(one.client_id) == family))


def _solutions(deposit: Deposit, invoices: Sequence[OpenInvoice]) -> Iterator[tuple[OpenInvoice, ...]]:
    """Sets of invoices whose open amounts sum to the deposit; two at most, since two are too many."""
    for positions in _sums([one.open for one in invoices[-MOST_OPEN:]], deposit.amount):
        yield tuple(invoices[-MOST_OPEN:][position] for position in positions)


def _has_solution(deposit: Deposit, invoices: Sequence[OpenInvoice]) -> bool:
    return next(_solutions(deposit, invoices), None) is not None


def _sums(amounts: Sequence[int], target: int) -> Iterator[tuple[int, ...]]:
    """Positions of at most six amounts that sum to the target, the first two solutions; meets in the middle."""
    half = len(amounts) // 2
    left: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for total, positions in _subsets(amounts, range(half)):
        if total <= target:
            left[total].append(positions)
    found = 0
    for total, positions in _subsets(amounts, range(half, len(amounts))):
        for other in left.get(target - total, ()):
            if 0 < len(other) + len(positions) <= MOST_ITEMS:
                yield (*other, *positions)
                found += 1
                if found > 1:
                    return


def _subsets(amounts: Sequence[int], positions: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    for count in range(min(MOST_ITEMS, len(positions)) + 1):
        for chosen in combinations(positions, count):
            yield sum(amounts[one] for one in chosen), chosen


def _accidents(amounts: Sequence[int]) -> Decimal:
    """How many sums of the amounts are expected to hit any given amount by accident."""
    step = gcd(*amounts)
    reach = sum(sorted(amounts)[-MOST_ITEMS:]) // step
    return Decimal(sum(comb(len(amounts), count) for count in range(1, MOST_ITEMS + 1))) / reach


def _is_twice(client_id: str, deposit: Deposit, ledger: Ledger) -> bool:
    key = payer_key(deposit.payer or "")
    days = [
        on
        for client, currency, amount, on in ledger.taken
        if (client, currency, amount) == (client_id, deposit.currency, deposit.amount)
    ] + [
        one.received_on
        for one in ledger.left
        if (one.currency, one.amount) == (deposit.currency, deposit.amount)
        and (one.client_id == client_id or (key and payer_key(one.payer or "") == key))
    ]
    return any(abs((deposit.received_on - on).days) <= _TWICE_DAYS for on in days)


def _is_amount_of_one(deposit: Deposit, ledger: Ledger) -> bool:
    return any(one.open == deposit.amount for one in _open_before(deposit, ledger.open.values()))


def _processor(deposit: Deposit) -> FeeRule | None:
    return next((rule for rule in deposit.fee_rules if rule.is_processor), None)


# --- candidates ---------------------------------------------------------------------------------------------------


def _candidates(
    deposit: Deposit, waiting: Waiting, numbers: Sequence[str], payer: _Payer, ledger: Ledger
) -> tuple[Candidate, ...]:
    """Up to three that have something in common with the deposit: a number, the amount, payer and sum."""
    found: dict[tuple[str, ...], Candidate] = {}

    def offer(invoices: Sequence[OpenInvoice], why_not: str) -> None:
        key = tuple(sorted(one.number for one in invoices))
        clients = tuple(sorted({one.client_id for one in invoices}))
        total = sum(one.open for one in invoices)
        found.setdefault(key, Candidate(key, clients, total, invoices[0].currency, why_not))

    named = [ledger.open[number] for number in numbers if number in ledger.open]
    if named and len({one.currency for one in named}) == 1:
        offer(named, waiting.why)
    for payment in ledger.hand.values():
        near = abs((payment.received_on - deposit.received_on).days) <= _BY_HAND_DAYS
        if near and (payment.currency, payment.amount) == (deposit.currency, deposit.amount):
            why_not = "recorded by hand with this amount; nothing else says that it is this deposit"
            clients = (payment.client_id,)
            found.setdefault(
                (payment.id,),
                Candidate(payment.numbers, clients, payment.amount, payment.currency, why_not, payment.id),
            )
    families = {ledger.family(one) for one in payer.known or payer.named}
    same = [one for one in _open_before(deposit, ledger.open.values()) if one.open == deposit.amount]
    same.sort(key=lambda one: ledger.family(one.client_id) not in families)
    count = Counter(one.client_id for one in same)
    for one in same:
        if ledger.family(one.client_id) not in families:
            offer([one], "the amount is the same; nothing says who has paid")
        elif count[one.client_id] > 1:
            offer([one], "other invoices of the client have the same amount")
        else:
            offer([one], waiting.why)
    for family in sorted(families):
        own = [one for one in _open_before(deposit, ledger.open.values()) if ledger.family(one.client_id) == family]
        for invoices in _solutions(deposit, own):
            offer(invoices, waiting.why)
    return tuple(found.values())[:MOST_CANDIDATES]


def _money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02}"
