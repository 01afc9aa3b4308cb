"""Matching of deposits as pure functions: each rule, what it refuses, and made-up books whose truth is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from benchmarks.matching import KINDS, UNPAYABLE, measure, precision, table
from invoicing.matching import (
    MOST_OPEN,
    Client,
    Deposit,
    FeeRule,
    HandPayment,
    KnownNumber,
    Ledger,
    Match,
    OpenInvoice,
    Rate,
    Waiting,
    decide,
)

ON = date(2026, 7, 1)
CLIENTS = (
    Client("ACME", ("Acme", "Acme Tools Ltd")),
    Client("BOLT", ("Bolt Works GmbH",), "GROUP"),
    Client("CORE", ("Core Works GmbH",), "GROUP"),
    Client("GROUP", ("Works Group",)),
)


def _invoice(number: str, amount: int, client: str = "ACME", currency: str = "USD", days: int = 10) -> OpenInvoice:
    return OpenInvoice(f"INV-{number}", number, client, currency, amount, ON - timedelta(days=days))


def _deposit(amount: int, text: str = "TRF", payer: str | None = None, **options: Any) -> Deposit:
    return Deposit("bank", ON, amount, options.pop("currency", "USD"), text, payer, **options)


def _paid(deposit: Deposit, *invoices: OpenInvoice, **options: Any) -> tuple[str, Sequence[tuple[str, int]]]:
    found = decide(deposit, Ledger(invoices, clients=CLIENTS, **options))
    assert isinstance(found, Match), found
    return found.rule, [(part.invoice.number, part.amount) for part in found.parts]


def _why(deposit: Deposit, *invoices: OpenInvoice, **options: Any) -> str:
    found = decide(deposit, Ledger(invoices, clients=CLIENTS, **options))
    assert isinstance(found, Waiting), found
    return found.why


@pytest.mark.parametrize(
    "text",
    [
        "LW-2026-0041",
        "payment lw-2026-0041, thanks",
        "INV LW 2026 0041",
        "LW20260041",
        "LW/2026/41",
        "REF:LW-2026-0041/RE",
        "INVOICE-LW-2026-0041",
        "ＬＷ－２０２６－００４１",
        "LW-2026-00\n41",
    ],
)
def test_a_number_is_found_as_banks_write_it(text: str) -> None:
    assert _paid(_deposit(500, text), _invoice("LW-2026-0041", 500))[0] == "number_and_amount"


@pytest.mark.parametrize(
    "text",
    ["LW-2026-00411", "XLW-2026-0041", "LW-2026-0041-7", "LW-2026-0041X", "9-LW-2026-0041", "LW-2026", "2026 0041", ""],
)
def test_a_number_is_not_found_within_another(text: str) -> None:
    assert "names no invoice" in _why(_deposit(500, text), _invoice("LW-2026-0041", 500))


def test_a_short_number_of_digits_alone_must_be_announced() -> None:
    assert "names no invoice" in _why(_deposit(500, "41 USD on 41st street"), _invoice("0041", 500))
    assert _paid(_deposit(500, "Invoice 41"), _invoice("0041", 500))[0] == "number_and_amount"


def test_a_text_of_two_meanings_waits() -> None:
    torn = _deposit(500, "LW-2026-004 1")
    assert "several invoice numbers" in _why(torn, _invoice("LW-2026-0041", 500), _invoice("LW-2026-0004", 900))
    assert "several invoice numbers" in _why(
        _deposit(500, "INV111"), _invoice("INV-1-11", 500), _invoice("INV-11-1", 500)
    )


def test_numbers_that_sum_are_paid_and_those_that_do_not_wait() -> None:
    invoices = (_invoice("INV-1", 100), _invoice("INV-2", 250), _invoice("INV-3", 400))
    assert _paid(_deposit(350, "INV-1, INV-2"), *invoices)[1] == [("INV-1", 100), ("INV-2", 250)]
    assert (
        _why(_deposit(349, "INV-1, INV-2", "Acme"), *invoices)
        == "it is 0.01 less than is open on INV-1, INV-2 together"
    )
    assert _why(_deposit(351, "INV-1, INV-2"), *invoices) == "it is 0.01 more than is open on INV-1, INV-2"


def test_a_number_and_amount_wait_where_somebody_else_has_paid() -> None:
    invoice = _invoice("INV-1", 100, "BOLT")
    assert "is of another" in _why(_deposit(100, "INV-1", "Acme Tools Ltd"), invoice)
    assert "names another client" in _why(_deposit(100, "INV-1 from Acme", "Somebody"), invoice)
    # A family pays for each other, and an unknown payer may know the number.
    assert _paid(_deposit(100, "INV-1", "Core Works GmbH"), invoice)[0] == "number_and_amount"
    assert _paid(_deposit(100, "INV-1", "Somebody"), invoice)[0] == "number_and_amount"
    late = _invoice("INV-9", 100, days=-1)
    assert _why(_deposit(100, "INV-9"), late) == "INV-9 was issued after the money came"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("settled", "settled already, so it may be paid twice"),
        ("canceled", "canceled"),
        ("credited", "credited"),
        ("credit_note", "a credit note"),
    ],
)
def test_a_number_that_cannot_be_paid_is_not_replaced_by_the_amount(state: Any, said: str) -> None:
    numbers = [KnownNumber("INV-7", "ACME", state)]
    assert _why(_deposit(100, "INV-7", "Acme"), _invoice("INV-8", 100), numbers=numbers) == f"INV-7 is {said}"


def test_a_payer_and_amount_need_one_solution() -> None:
    one, same, more = _invoice("INV-1", 100), _invoice("INV-2", 100), _invoice("INV-3", 60)
    assert _paid(_deposit(100, payer="ACME"), one, more)[0] == "payer_and_amount"
    assert _why(_deposit(100, payer="Acme"), one, same) == "several invoices of the payer have this amount"
    assert (
        _why(_deposit(100, payer="Acme"), one, more, _invoice("INV-4", 40))
        == "several invoices of the payer have this amount"
    )
    assert _why(_deposit(99, payer="Acme"), one) == "no open invoices of the payer have this amount"
    assert "of its family" in _why(
        _deposit(100, payer="Bolt Works GmbH"), _invoice("INV-5", 100, "BOLT"), _invoice("INV-6", 100, "CORE")
    )
    assert "nothing of the payer is open" in _why(_deposit(100, payer="Acme"), _invoice("INV-7", 100, currency="EUR"))
    assert _paid(_deposit(100, client_id="ACME"), one)[0] == "payer_and_amount"
    assert _paid(_deposit(100, payer="Holding 5"), one, aliases={"HOLDING 5": {"ACME"}})[0] == "payer_and_amount"
    both = {"HOLDING 5": {"ACME", "BOLT"}}
    assert "pays for several clients" in _why(_deposit(100, payer="Holding 5"), one, aliases=both)


def test_a_sum_is_taken_where_it_is_no_accident() -> None:
    odd = [_invoice(f"INV-{number}", amount) for number, amount in enumerate((10_007, 23_119, 51_113, 70_003), 1)]
    assert _paid(_deposit(33_126, payer="Acme"), *odd) == ("payer_and_sum", [("INV-1", 10_007), ("INV-2", 23_119)])
    # Of round amounts many sums are equal; all that is open together is what one pays.
    round_ones = [_invoice(f"INV-{number}", amount) for number, amount in enumerate((100_000, 250_000, 400_000), 1)]
    assert "may be an accident" in _why(_deposit(350_000, payer="Acme"), *round_ones)
    assert _paid(_deposit(750_000, payer="Acme"), *round_ones)[0] == "payer_and_sum"
    assert "of another client" in _why(_deposit(750_000, payer="Acme"), *round_ones, _invoice("INV-9", 750_000, "BOLT"))
    many = [_invoice(f"INV-{number}", 1_000 + number * 97) for number in range(MOST_OPEN + 1)]
    assert _why(_deposit(1_000, payer="Acme"), *many) == "the payer has more than 25 open invoices"


def test_the_same_amount_within_two_weeks_may_be_paid_twice() -> None:
    invoice = _invoice("INV-2", 100)
    taken = [("ACME", "USD", 100, ON - timedelta(days=14))]
    assert "may be paid twice" in _why(_deposit(100, payer="Acme"), invoice, taken=taken)
    taken = [("ACME", "USD", 100, ON - timedelta(days=15))]
    assert _paid(_deposit(100, payer="Acme"), invoice, taken=taken)[0] == "payer_and_amount"
    left = [replace(_deposit(100, payer="Acme"), id="first")]
    assert "may be paid twice" in _why(_deposit(100, payer="Acme"), invoice, left=left)


def test_less_than_open_is_a_part_or_less_the_fee_that_is_agreed() -> None:
    invoice = _invoice("INV-1", 10_000)
    assert _paid(_deposit(4_000, "INV-1", "Acme"), invoice) == ("number_partial", [("INV-1", 4_000)])
    assert "payer is unknown" in _why(_deposit(4_000, "INV-1", "Somebody"), invoice)
    assert "that of other invoices" in _why(_deposit(4_000, "INV-1", "Acme"), invoice, _invoice("INV-2", 4_000))
    fees = (FeeRule(fixed=2_500),)
    found = decide(_deposit(7_500, "INV-1", "Acme", fee_rules=fees), Ledger([invoice], clients=CLIENTS))
    assert isinstance(found, Match)
    assert (found.rule, found.parts[0].amount, found.parts[0].fee) == ("number_less_fee", 7_500, 2_500)
    assert _paid(_deposit(7_499, "INV-1", "Acme", fee_rules=fees), invoice)[0] == "number_partial"


def test_a_processors_payout_is_the_only_set_of_invoices_less_its_fee() -> None:
    fees = (FeeRule(fixed=30, share=Decimal("0.029"), is_processor=True),)
    invoices = (_invoice("INV-1", 10_003), _invoice("INV-2", 50_009, "BOLT"), _invoice("INV-3", 77_777, "CORE"))
    net = sum(one.open - fees[0].fee(one.open) for one in invoices[:2])
    found = decide(_deposit(net, "PAYOUT", fee_rules=fees), Ledger(invoices, clients=CLIENTS))
    assert isinstance(found, Match)
    assert [(part.invoice.number, part.amount + part.fee) for part in found.parts] == [
        ("INV-1", 10_003),
        ("INV-2", 50_009),
    ]
    assert "less its fee" in _why(_deposit(net + 1, "PAYOUT", fee_rules=fees), *invoices)
    named = _deposit(net, "PAYOUT INV-1 INV-2", fee_rules=fees)
    assert _paid(named, *invoices)[0] == "processor_payout"


def test_another_currency_needs_the_number_the_payer_and_a_rate_within_two_percent() -> None:
    invoice, rates = _invoice("INV-1", 110_000), [Rate("EUR", "USD", ON, Decimal("1.1"))]
    deposit = _deposit(98_000, "INV-1", "Acme", currency="EUR")
    found = decide(deposit, Ledger([invoice], clients=CLIENTS, rates=rates))
    assert isinstance(found, Match)
    [part] = found.parts
    assert (part.amount, part.fx_difference, part.deposit_amount) == (107_800, 2_200, 98_000)
    assert "at 1.1 it is" in _why(replace(deposit, amount=97_999), invoice, rates=rates)
    # More than was owed is no debt.
    found = decide(replace(deposit, amount=102_000), Ledger([invoice], clients=CLIENTS, rates=rates))
    assert isinstance(found, Match)
    assert (found.parts[0].amount, found.parts[0].fx_difference) == (110_000, 0)
    assert "payer is unknown" in _why(replace(deposit, payer=None), invoice, rates=rates)
    later = [Rate("EUR", "USD", ON + timedelta(days=1), Decimal("1.1")), Rate("USD", "EUR", ON, Decimal("0.9"))]
    assert "no rate from EUR" in _why(deposit, invoice, rates=later)


def test_a_payment_by_hand_is_joined_by_number_reference_or_payer_alone() -> None:
    by_hand = [HandPayment("PAY-1", "ACME", "USD", 100, ON - timedelta(days=7), ("INV-1",), "Wire 4411")]
    for deposit in (_deposit(100, "INV-1"), _deposit(100, "WIRE 4411 IN"), _deposit(100, payer="Acme")):
        numbers = [KnownNumber("INV-1", "ACME", "settled")]
        found = decide(deposit, Ledger([], numbers, CLIENTS, by_hand=by_hand))
        assert isinstance(found, Match)
        assert (found.rule, [one.id for one in found.joined]) == ("recorded_by_hand", ["PAY-1"])
    assert "payer is unknown" in _why(_deposit(100), by_hand=by_hand)
    assert "nothing of the payer is open" in _why(
        replace(_deposit(100, payer="Acme"), received_on=ON + timedelta(days=1)), by_hand=by_hand
    )
    # The next month's payment of the same amount looks the same.
    assert "and something else" in _why(_deposit(100, payer="Acme"), _invoice("INV-2", 100), by_hand=by_hand)


def test_money_that_is_no_clients_is_left_alone_unless_it_names_an_invoice() -> None:
    ledger = Ledger([_invoice("INV-1", 100)], clients=CLIENTS)
    assert decide(_deposit(100, "INTEREST", is_income=False), ledger) is None
    assert _paid(_deposit(100, "INV-1", is_income=False), _invoice("INV-1", 100))[0] == "number_and_amount"


def test_deposits_of_made_up_books_are_matched_with_hardly_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong references, paid twice and a sibling that pays among them; `python -m benchmarks.matching` has more."""
    scores = measure(range(1, 25))
    with capsys.disabled():
        print("", *table(scores), sep="\n")
    assert set(scores) == set(KINDS)
    assert all(one.deposits >= 20 for one in scores.values())
    assert precision(scores) >= 0.999
    payable = [one for kind, one in scores.items() if kind not in UNPAYABLE]
    assert sum(one.alone for one in payable) >= 0.7 * sum(one.deposits for one in payable)
