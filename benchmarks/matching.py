"""Precision and recall of matching bank deposits, by kind of deposit, on made-up books whose truth is known.

`python -m benchmarks.matching [--seeds N] [--first SEED]`. Precision counts invoices that were settled without a
person: the right one with the right amount. Recall is the share of deposits of a kind that needed no person.
"""

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from invoicing.matching import (
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
    converted,
    decide,
    payer_key,
    rate_on,
)

KINDS: Final = (
    "exact",
    "no_reference",
    "batch",
    "partial",
    "fee",
    "short",
    "interest",
    "wrong_reference",
    "paid_twice",
    "sibling",
    "payout",
    "foreign_currency",
    "by_hand",
    "own_transfer",
)
UNPAYABLE: Final = frozenset({"interest", "paid_twice", "own_transfer"})
"""Kinds that pay nothing: every match of them is wrong."""
_WEIGHTS: Final = (30, 22, 6, 6, 6, 4, 3, 5, 4, 4, 3, 4, 4, 2)
_FIRST: Final = date(2025, 1, 1)
_MONTHS: Final = 14
_WORDS: Final = (
    "Harbor",
    "Lantern",
    "Cedar",
    "Willow",
    "Granite",
    "Ember",
    "Juniper",
    "Falcon",
    "Meadow",
    "Onyx",
    "Quarry",
    "Summit",
    "Thistle",
    "Velvet",
    "Aurora",
    "Basalt",
    "Copper",
    "Dune",
    "Elm",
    "Fjord",
)
_FORMS: Final = ("Ltd", "Inc", "GmbH", "LLC", "Labs", "Group")
_BANK_FEE: Final = FeeRule(fixed=2500)
_PROCESSOR: Final = FeeRule(fixed=30, share=Decimal("0.029"), is_processor=True)
_RATES: Final = tuple(
    Rate("EUR", "USD", _FIRST + timedelta(days=31 * month), Decimal("1.05") + Decimal(month % 5) / 50)
    for month in range(_MONTHS + 2)
)


@dataclass
class Made:
    """A deposit, its kind, and what it pays in truth: cents by invoice number."""

    deposit: Deposit
    kind: str
    truth: Mapping[str, int] = field(default_factory=dict)
    by_hand: HandPayment | None = None


@dataclass
class Books:
    """Clients, invoices and deposits of one made-up agency, in order of time."""

    clients: list[Client] = field(default_factory=list)
    invoices: list[OpenInvoice] = field(default_factory=list)
    deposits: list[Made] = field(default_factory=list)
    aliases: dict[str, set[str]] = field(default_factory=dict)


@dataclass
class Score:
    """Counts of one kind."""

    deposits: int = 0
    alone: int = 0
    """Deposits that were matched as in truth without a person; of unpayable kinds, those left alone."""
    settled: int = 0
    false: int = 0


def generate(seed: int) -> Books:
    """Make an agency's books; the same seed makes the same."""
    return _Maker(random.Random(seed)).books()


def measure(seeds: Iterable[int], mistakes: list[str] | None = None) -> dict[str, Score]:
    """Match the deposits of many books in order of time; a person decides about most of those that wait.

    Args:
        seeds: of the books.
        mistakes: receives a sentence for every wrong match.
    """
    scores: dict[str, Score] = defaultdict(Score)
    for seed in seeds:
        _measure(seed, scores, mistakes if mistakes is not None else [])
    return dict(scores)


def precision(scores: Mapping[str, Score]) -> float:
    """The share of invoices settled without a person that are the right ones."""
    settled = sum(one.settled for one in scores.values())
    return 1 - sum(one.false for one in scores.values()) / settled if settled else 1.0


def table(scores: Mapping[str, Score]) -> Iterator[str]:
    """The figures, a line each."""
    yield f"{'kind':18}{'deposits':>9}{'alone':>8}{'recall':>8}{'settled':>9}{'false':>7}{'precision':>11}"
    for kind in KINDS:
        if (one := scores.get(kind)) is None:
            continue
        right = f"{1 - one.false / one.settled:.4f}" if one.settled else "–"
        share = f"{one.alone / one.deposits:.3f}" if one.deposits else "–"
        yield f"{kind:18}{one.deposits:>9,}{one.alone:>8,}{share:>8}{one.settled:>9,}{one.false:>7,}{right:>11}"
    payable = [one for kind, one in scores.items() if kind not in UNPAYABLE]
    alone, deposits = sum(one.alone for one in payable), sum(one.deposits for one in payable)
    yield f"{'all that pay':18}{deposits:>9,}{alone:>8,}{alone / deposits:>8.3f}{'':>16}{precision(scores):>11.4f}"


# --- making books -------------------------------------------------------------------------------------------------


class _Maker:
    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.made = Books()
        self.retainers: dict[str, int] = {}
        self.payers: dict[str, str | None] = {}
        self.turn = 0

    def books(self) -> Books:
        self._clients()
        self._invoices()
        left = list(self.made.invoices)
        while left:
            invoice = left.pop(0)
            if self.dice.random() < 0.05:
                continue
            kind = self.dice.choices(KINDS, _WEIGHTS)[0]
            self._pay(kind, invoice, left)
        self.made.deposits.sort(key=lambda one: (one.deposit.received_on, one.deposit.id))
        return self.made

    def _clients(self) -> None:
        names = self.dice.sample([f"{left} {right}" for left in _WORDS for right in _WORDS if left != right], 14)
        for number, name in enumerate(names):
            client_id = f"CLI-{number:02}"
            form = self.dice.choice(_FORMS)
            parent = f"CLI-{number - 1:02}" if number % 4 == 1 else f"CLI-{number - 2:02}" if number % 8 == 2 else None
            self.made.clients.append(Client(client_id, (name, f"{name} {form}"), parent))
            # How the bank names the payer: by the legal name, by another that was remembered or is unknown, or not.
            form_of_payer = self.dice.random()
            payer = f"{name} {form}" if form_of_payer < 0.35 else f"{name.split()[0]} Holding AG {number}"
            if 0.35 <= form_of_payer < 0.65:
                self.made.aliases[payer_key(payer)] = {client_id}
            self.payers[client_id] = payer if form_of_payer < 0.85 else None
            if self.dice.random() < 0.45:
                self.retainers[client_id] = self.dice.choice((100_000, 150_000, 200_000, 250_000, 500_000))

    def _invoices(self) -> None:
        styles = ("LW-{year}-{number:04}", "INV-{number}", "{year}/{number:05}", "{number:06}", "A{number}")
        style = self.dice.choice(styles)
        number = self.dice.choice((0, 0, 87, 9_990))
        for month in range(_MONTHS):
            issued_on = (_FIRST + timedelta(days=31 * month)).replace(day=1)
            for client in self.made.clients:
                for _ in range(self.dice.choice((0, 1, 1, 1, 1, 2))):
                    number += 1
                    amount = self.retainers.get(client.id) if self.dice.random() < 0.7 else None
                    self.made.invoices.append(
                        OpenInvoice(
                            f"INV-{number:08x}",
                            style.format(year=issued_on.year, number=number),
                            client.id,
                            "USD",
                            amount or self.dice.randrange(20_000, 1_500_000),
                            issued_on + timedelta(days=self.dice.randrange(4)),
                        )
                    )

    def _pay(self, kind: str, invoice: OpenInvoice, left: list[OpenInvoice]) -> None:
        dice, on = self.dice, invoice.issued_on + timedelta(days=self.dice.randrange(3, 45))
        if kind in ("exact", "no_reference"):
            self._deposit(kind, invoice, on, invoice.open, {invoice.number: invoice.open}, [invoice][kind != "exact" :])
        elif kind == "batch":
            others = [one for one in left if one.client_id == invoice.client_id and one.issued_on <= on]
            chosen = [invoice, *others[: dice.randrange(1, 4)]]
            for one in chosen[1:]:
                left.remove(one)
            total = sum(one.open for one in chosen)
            truth = {one.number: one.open for one in chosen}
            self._deposit(kind, invoice, on, total, truth, chosen if dice.random() < 0.5 else [])
        elif kind == "partial":
            part = invoice.open * dice.randrange(20, 90) // 100
            self._deposit(kind, invoice, on, part, {invoice.number: part}, [invoice])
            rest = invoice.open - part
            later = on + timedelta(days=dice.randrange(5, 40))
            self._deposit(kind, invoice, later, rest, {invoice.number: rest}, [invoice] if dice.random() < 0.7 else [])
        elif kind == "fee":
            fee = dice.randrange(500, 2_500)
            made = self._deposit(kind, invoice, on, invoice.open - fee, {invoice.number: invoice.open}, [invoice])
            made.deposit = replace(made.deposit, text=f"{made.deposit.text} WIRE IN", fee_rules=(_BANK_FEE,))
        elif kind == "short":
            paid = invoice.open - dice.randrange(100, 5_000)
            self._deposit(kind, invoice, on, paid, {invoice.number: paid}, [invoice] if dice.random() < 0.8 else [])
        elif kind == "interest":
            self._other("interest", on, dice.randrange(100, 9_000), "Riverbend Bank", "INTEREST PAYMENT")
            self._deposit("exact", invoice, on, invoice.open, {invoice.number: invoice.open}, [invoice])
        elif kind == "own_transfer":
            self._other("own_transfer", on, invoice.open, None, "TRANSFER FROM SAVINGS 7714")
            self._deposit("exact", invoice, on, invoice.open, {invoice.number: invoice.open}, [invoice])
        elif kind == "wrong_reference":
            self._wrong(invoice, on)
        elif kind == "paid_twice":
            named = [invoice] if dice.random() < 0.6 else []
            self._deposit("exact", invoice, on, invoice.open, {invoice.number: invoice.open}, named)
            self._deposit(kind, invoice, on + timedelta(days=dice.randrange(1, 14)), invoice.open, {}, named)
        elif kind == "sibling":
            other = dice.choice([one for one in self.made.clients if one.id != invoice.client_id])
            named = [invoice] if dice.random() < 0.7 else []
            self._deposit(kind, invoice, on, invoice.open, {invoice.number: invoice.open}, named, payer_of=other.id)
        elif kind == "payout":
            self._payout(invoice, left, on)
        elif kind == "foreign_currency":
            rate = rate_on(_RATES, "EUR", "USD", on) or Decimal(1)
            noise = Decimal(dice.randrange(-180, 180)) / 10_000
            paid = converted(invoice.open, (1 + noise) / rate)
            made = self._deposit(kind, invoice, on, paid, {invoice.number: invoice.open}, [invoice])
            made.deposit = replace(made.deposit, currency="EUR")
        elif kind == "by_hand":
            made = self._deposit(kind, invoice, on, invoice.open, {}, [invoice] if dice.random() < 0.5 else [])
            received_on = on - timedelta(days=dice.randrange(4))
            made.by_hand = HandPayment(
                f"PAY-{self.turn:08x}", invoice.client_id, "USD", invoice.open, received_on, (invoice.number,)
            )

    def _wrong(self, invoice: OpenInvoice, on: date) -> None:
        """The number of an earlier or other invoice of the client, or a mistyped one, which may be another client's."""
        dice = self.dice
        own = [
            one
            for one in self.made.invoices
            # With the same amount the payer's word decides, and it is no wrong reference.
            if one.client_id == invoice.client_id and one.number != invoice.number and one.open != invoice.open
        ]
        position = self.made.invoices.index(invoice)
        near = self.made.invoices[max(position - 12, 0) : position + 12]
        others = [one for one in near if one.client_id != invoice.client_id]
        wrong = dice.choice(own if own and dice.random() < 0.6 else others or own)
        self._deposit("wrong_reference", invoice, on, invoice.open, {invoice.number: invoice.open}, [wrong])

    def _payout(self, invoice: OpenInvoice, left: list[OpenInvoice], on: date) -> None:
        others = [one for one in left if 0 <= (on - one.issued_on).days < 40]
        chosen = [invoice, *self.dice.sample(others, min(len(others), self.dice.randrange(0, 4)))]
        for one in chosen[1:]:
            left.remove(one)
        net = sum(one.open - _PROCESSOR.fee(one.open) for one in chosen)
        text = "CARDFLOW PAYOUT"
        if self.dice.random() < 0.4:
            text += " " + " ".join(one.number for one in chosen)
        made = self._deposit("payout", invoice, on, net, {one.number: one.open for one in chosen}, [])
        made.deposit = replace(made.deposit, payer="Cardflow", text=text, fee_rules=(_PROCESSOR,))

    def _deposit(
        self,
        kind: str,
        invoice: OpenInvoice,
        on: date,
        amount: int,
        truth: Mapping[str, int],
        named: Sequence[OpenInvoice],
        payer_of: str | None = None,
    ) -> Made:
        client_id = payer_of or invoice.client_id
        payer = self.payers[client_id]
        words = [self.dice.choice(("PAYMENT", "ACH CREDIT", "THANK YOU", "TRF 00482211", on.strftime("%d.%m.%Y")))]
        if payer and self.dice.random() < 0.6:
            words.append(payer)
        if named:
            words.append(self.dice.choice(("", "INV", "Invoice no.", "re:")))
            words += [self._spelled(one.number) for one in named]
        text = " ".join(word for word in words if word)
        made = Made(Deposit(self._id(), on, amount, "USD", text, payer), kind, truth)
        self.made.deposits.append(made)
        return made

    def _other(self, kind: str, on: date, amount: int, payer: str | None, text: str) -> None:
        deposit = Deposit(self._id(), on, amount, "USD", text, payer, is_income=False)
        self.made.deposits.append(Made(deposit, kind))

    def _spelled(self, number: str) -> str:
        return self.dice.choice((number, number, number, number.lower(), number.replace("-", " "), f"#{number}"))

    def _id(self) -> str:
        self.turn += 1
        return f"bank-{self.turn:05}"


# --- measuring ----------------------------------------------------------------------------------------------------


def _measure(seed: int, scores: dict[str, Score], mistakes: list[str]) -> None:
    books, dice = generate(seed), random.Random(seed)
    ledger = Ledger(
        books.invoices,
        [KnownNumber(one.number, one.client_id, "open") for one in books.invoices],
        books.clients,
        {key: set(clients) for key, clients in books.aliases.items()},
        _RATES,
    )
    for made in books.deposits:
        if made.by_hand is not None:
            _record_by_hand(made.by_hand, ledger)
    for made in books.deposits:
        score = scores[made.kind]
        score.deposits += 1
        found = decide(made.deposit, ledger)
        if isinstance(found, Match):
            _judge(seed, made, found, score, mistakes)
            ledger.take(made.deposit, found)
        else:
            score.alone += made.kind in UNPAYABLE
            if isinstance(found, Waiting):
                decides, learns = dice.random() < 0.8, dice.random() < 0.5
                if decides:
                    # Nobody has a client remembered as the payer of another.
                    _decide_by_hand(made, ledger, learns=learns and made.kind != "sibling")
                else:
                    ledger.leave(made.deposit)


def _record_by_hand(payment: HandPayment, ledger: Ledger) -> None:
    """A person records a payment before the bank's row comes."""
    if (one := ledger.open.get(payment.numbers[0])) is not None:
        ledger.hand[payment.id] = payment
        paid = Match("recorded_by_hand", (), (Part(one, payment.amount, payment.amount),))
        ledger.take(Deposit("", payment.received_on, 0, payment.currency, ""), paid)


def _judge(seed: int, made: Made, found: Match, score: Score, mistakes: list[str]) -> None:
    if found.joined:
        score.settled += len(found.joined)
        right = made.by_hand is not None and [one.id for one in found.joined] == [made.by_hand.id]
        score.false += 0 if right else len(found.joined)
    else:
        settled = Counter({one.invoice.number: one.amount + one.fee + one.fx_difference for one in found.parts})
        false = [number for number, amount in settled.items() if made.truth.get(number) != amount]
        score.settled += len(settled)
        score.false += len(false)
        right = dict(settled) == dict(made.truth)
    score.alone += right
    if not right:
        mistakes.append(f"seed {seed}, {made.kind}: {made.deposit} → {found.rule} {found.reasons}; truth {made.truth}")


def _decide_by_hand(made: Made, ledger: Ledger, *, learns: bool) -> None:
    """A person applies what is true, as far as it is open still, and may have the payer remembered."""
    parts = [
        Part(one, min(amount, one.open), 0)
        for number, amount in made.truth.items()
        if (one := ledger.open.get(number)) is not None
    ]
    joined = (made.by_hand,) if made.by_hand is not None and made.by_hand.id in ledger.hand else ()
    if parts or joined:
        ledger.take(made.deposit, Match("number_and_amount", (), tuple(parts), joined))
    if learns and parts and made.deposit.payer and len({one.invoice.client_id for one in parts}) == 1:
        key = payer_key(made.deposit.payer)
        ledger.aliases = {**ledger.aliases, key: {*ledger.aliases.get(key, ()), parts[0].invoice.client_id}}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40, help="how many made-up agencies")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--mistakes", action="store_true", help="print every wrong match")
    arguments = parser.parse_args()
    mistakes: list[str] = []
    began = time.perf_counter()
    scores = measure(range(arguments.first, arguments.first + arguments.seeds), mistakes)
    print(*table(scores), sep="\n")
    deposits = sum(one.deposits for one in scores.values())
    print(f"{deposits:,} deposits of {arguments.seeds} agencies in {time.perf_counter() - began:.1f} s")
    if arguments.mistakes:
        print(*mistakes, sep="\n")


if __name__ == "__main__":
    main()
