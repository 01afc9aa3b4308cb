"""Bank deposits in the warehouse: what is recorded, what waits, what a person decides, what is taken back."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoicing.cash import Found, Run, apply, match
from invoicing.errors import InvoicingError
from invoicing.issuing import cancel
from invoicing.matching import Match, Waiting
from invoicing.payments import pay, undo, write_off
from invoicing.records import Invoice, read_invoice, read_record
from tests.invoicing.books import MAY, TODAY, ZERO, Books

APRIL = date(2026, 4, 1)


def _sent(books: Books, *totals: str, client: str | None = None, **options: Any) -> Invoice:
    client = client or books.client()
    month = options.pop("month", date(2026, 6, 1))
    books.prefill(client, month, totals=totals or ("1000.00",), currency=options.pop("prefill_currency", "USD"))
    return books.issued(client, month, **options).invoice


def _payer(invoice: Invoice) -> str:
    return invoice.client


def _match(books: Books, **options: Any) -> Run:
    with books.connect() as connection:
        return match(connection, actor="ada", **options)


def _of(run: Run, deposit: str) -> Found:
    [found] = [one for one in run.found if one.row.shown_id == deposit]
    return found


def _rule(books: Books, deposit: str) -> str:
    outcome = _of(_match(books), deposit).outcome
    assert isinstance(outcome, Match), outcome
    return outcome.rule


def _waits(books: Books, deposit: str) -> Waiting:
    outcome = _of(_match(books), deposit).outcome
    assert isinstance(outcome, Waiting), outcome
    return outcome


def _open(books: Books, *invoices: Invoice) -> Sequence[Decimal]:
    with books.connect() as connection:
        return [read_invoice(connection, one.id).open for one in invoices]


def _apply(books: Books, deposit: str, *targets: str, **options: Any) -> Any:
    with books.connect() as connection:
        return apply(connection, deposit, targets, actor="ada", **options)


def test_complaint_01_a_deposit_with_number_or_payer_and_amount_is_matched_without_a_person(books: Books) -> None:
    by_number, by_payer = _sent(books, "1201.17"), _sent(books, "877.31")
    named = books.deposit("1201.17", f"ACH CREDIT {by_number.number.lower().replace('-', ' ')} thank you")
    unnamed = books.deposit("877.31", "ACH CREDIT", payer=_payer(by_payer).upper())
    run = _match(books)
    rules = {one.row.shown_id: one.outcome.rule for one in run.found if isinstance(one.outcome, Match)}
    assert (rules[named], rules[unnamed]) == ("number_and_amount", "payer_and_amount")
    assert _open(books, by_number, by_payer) == [ZERO, ZERO]
    [(rule, reasons, source, method)] = books.rows(
        "select a.match_rule, a.reasons, p.source, p.method from billing.payment_allocations as a"
        " inner join billing.payments as p on a.payment_id = p.id where a.invoice_id = %s",
        (by_payer.id,),
    )
    assert (rule, source, method) == ("payer_and_amount", "bank", "wire")
    assert reasons[0] == "the payer has the client's name"
    with books.connect() as connection:
        assert read_record(connection, by_number.number).events[-1].payload["deposit"] == named
    # Again changes nothing.
    assert [one for one in _match(books).found if one.row.shown_id in (named, unnamed)] == []


def test_complaint_02_a_canceled_invoice_is_never_paid_and_a_number_is_not_found_within_another(books: Books) -> None:
    first = _sent(books, "431.00")
    with books.connect() as connection:
        cancel(connection, first.number, actor="ada", today=TODAY, reason="wrong")
    again = books.issued(first.client_id).invoice
    deposit = books.deposit("431.00", f"Invoice {first.number}", payer=_payer(first))
    waiting = _waits(books, deposit)
    assert waiting.why == f"{first.number} is canceled"
    assert [one.numbers for one in waiting.candidates] == [(again.number,)]
    # LW-2026-0001 is not in LW-2026-00011, and nothing of it is paid.
    longer = books.deposit("431.00", f"Invoice {again.number}1")
    assert "names no invoice" in _waits(books, longer).why
    assert _open(books, again) == [Decimal("431.00")]


def test_complaint_03_one_deposit_pays_invoices_of_several_clients_less_the_processors_fee(books: Books) -> None:
    invoices = [_sent(books, total) for total in ("310.07", "529.83", "47.59")]
    fees = [{"fixed_fee": 0.3, "fee_share": 0.029, "is_processor": True}]
    nets = [one.total - Decimal("0.30") - round(one.total * Decimal("0.029"), 2) for one in invoices[:2]]
    deposit = books.deposit(str(sum(nets)), "CARDFLOW PAYOUT 0911", payer="Cardflow", fees=fees)
    assert _rule(books, deposit) == "processor_payout"
    assert _open(books, *invoices) == [ZERO, ZERO, Decimal("47.59")]
    kinds = books.rows(
        "select kind, client_id, amount from billing.payments where bank_transaction_id = %s"
        " order by kind, amount desc",
        (deposit.removeprefix("TXN-"),),
    )
    assert kinds == [
        ("fee", invoices[1].client_id, Decimal("15.67")),
        ("fee", invoices[0].client_id, Decimal("9.29")),
        ("receipt", None, sum(nets)),
    ]


def test_complaint_04_one_deposit_is_several_payments_and_sums_are_exact(books: Books) -> None:
    client = books.client()
    invoices = [
        _sent(books, total, client=client, month=month)
        for month, total in ((date(2026, 6, 1), "0.10"), (MAY, "0.20"), (APRIL, "0.70"))
    ]
    # 0.1 + 0.2 is not 0.3 in floating point.
    deposit = books.deposit("0.30", f"{invoices[0].number} and {invoices[1].number}")
    assert _rule(books, deposit) == "number_and_amount"
    assert _open(books, *invoices) == [ZERO, ZERO, Decimal("0.70")]
    # Two checks, each recorded by hand, are paid in together.
    with books.connect() as connection:
        parts = [
            pay(connection, invoices[2].number, Decimal(amount), actor="ada", today=TODAY, method="check").payment_id
            for amount in ("0.30", "0.40")
        ]
    both = books.deposit("0.70", "CHECK DEPOSIT", payer=_payer(invoices[2]))
    found = _of(_match(books), both).outcome
    assert isinstance(found, Match)
    assert sorted(one.id for one in found.joined) == sorted(parts)


def test_complaint_07_a_payment_by_hand_is_joined_when_the_banks_row_comes(books: Books) -> None:
    invoice = _sent(books, "2210.45")
    with books.connect() as connection:
        paid = pay(connection, invoice.number, Decimal("2210.45"), actor="ada", today=TODAY)
    deposit = books.deposit("2210.45", f"WIRE {invoice.number}", on=TODAY + timedelta(days=2))
    assert _rule(books, deposit) == "recorded_by_hand"
    assert books.rows(
        "select count(*), sum(amount) from billing.payments where client_id = %s", (invoice.client_id,)
    ) == [(1, Decimal("2210.45"))]
    # The deposit is used; the same again would be another payment.
    with pytest.raises(InvoicingError, match=f"is payment {paid.payment_id} already"):
        _apply(books, deposit, invoice.number)
    again = books.deposit("2210.45", f"WIRE {invoice.number}", on=TODAY + timedelta(days=3))
    assert "is settled already, so it may be paid twice" in _waits(books, again).why
    # With the payment goes the join.
    with books.connect() as connection:
        undo(connection, paid.payment_id, actor="ada", reason="typed twice")
    assert _rule(books, deposit) == "number_and_amount"
    assert "settled already" in _waits(books, again).why


def test_complaint_08_a_number_does_not_bypass_the_amount_and_nothing_is_written_off(books: Books) -> None:
    invoice = _sent(books, "640.00")
    short = books.deposit("639.99", f"{invoice.number}", payer=_payer(invoice))
    assert _rule(books, short) == "number_partial"
    assert _open(books, invoice) == [Decimal("0.01")]
    other = _sent(books, "640.00")
    more = books.deposit("640.01", f"{other.number}", payer=_payer(other))
    assert _waits(books, more).why == f"it is 0.01 more than is open on {other.number}"
    assert books.rows(
        "select count(*) from billing.payments where kind <> 'receipt' and client_id = any(%s)",
        ([invoice.client_id, other.client_id],),
    ) == [(0,)]
    # A fee is taken only where payment_fees.csv says how much it may be.
    fee = [{"fixed_fee": 0.01, "fee_share": 0, "is_processor": False}]
    third = _sent(books, "640.02")
    less = books.deposit("640.01", f"{third.number}", payer=_payer(third), fees=fee)
    assert _rule(books, less) == "number_less_fee"
    assert _open(books, third) == [ZERO]


def test_complaint_09_candidates_have_something_in_common_with_the_deposit(books: Books) -> None:
    same, other = _sent(books, "918.27"), _sent(books, "918.28")
    deposit = books.deposit("918.27", "MOBILE DEPOSIT")
    waiting = _waits(books, deposit)
    assert waiting.why == "it names no invoice, and the payer is unknown"
    assert [(one.numbers, one.why_not) for one in waiting.candidates] == [
        ((same.number,), "the amount is the same; nothing says who has paid")
    ]
    [(why, candidates)] = books.rows(
        "select why, candidates from billing.unmatched_deposits where bank_transaction_id = %s",
        (deposit.removeprefix("TXN-"),),
    )
    assert why == waiting.why
    assert candidates == [
        {
            "numbers": [same.number],
            "client_ids": [same.client_id],
            "open": "918.27",
            "currency": "USD",
            "why_not": "the amount is the same; nothing says who has paid",
        }
    ]
    assert _open(books, same, other) == [Decimal("918.27"), Decimal("918.28")]


def test_a_removed_deposit_takes_its_payment_back_and_may_come_again(books: Books) -> None:
    invoice = _sent(books, "733.10")
    fee = [{"fixed_fee": 5, "fee_share": 0, "is_processor": False}]
    deposit = books.deposit("730.10", invoice.number, payer=_payer(invoice), fees=fee)
    assert _rule(books, deposit) == "number_less_fee"
    books.withdraw(deposit)
    run = _match(books)
    assert len(run.taken_back) == 1
    assert _open(books, invoice) == [Decimal("733.10")]
    assert books.rows(
        "select kind, sum(amount), count(*) from billing.payments where client_id = %s group by kind order by kind",
        (invoice.client_id,),
    ) == [("fee", ZERO, 2), ("receipt", ZERO, 2)]
    assert _match(books).taken_back == []
    # The bank shows it again, under another id.
    again = books.deposit("730.10", invoice.number, payer=_payer(invoice), fees=fee)
    assert _rule(books, again) == "number_less_fee"
    events = [one.event_type for one in _record(books, invoice).events]
    assert events == ["issued", *["payment_allocated"] * 2, *["payment_reversed"] * 2, *["payment_allocated"] * 2]


def _record(books: Books, invoice: Invoice) -> Any:
    with books.connect() as connection:
        return read_record(connection, invoice.number)


def test_a_pending_deposit_and_one_of_another_amount_pay_nothing(books: Books) -> None:
    invoice = _sent(books, "211.00")
    deposit = books.deposit("211.00", invoice.number)
    assert _rule(books, deposit) == "number_and_amount"
    name = deposit.removeprefix("TXN-")
    books.change("update staging.stg_plaid__transactions set plaid_amount = -200 where transaction_id = %s", (name,))
    books.change(
        "update intermediate.int_money__deposits set amount = 200, amount_as_sent = 200 where transaction_id = %s",
        (name,),
    )
    run = _match(books)
    assert len(run.taken_back) == 1
    assert isinstance(_of(run, deposit).outcome, Waiting)
    assert _open(books, invoice) == [Decimal("211.00")]


def test_what_a_person_took_back_is_not_matched_again_by_itself(books: Books) -> None:
    invoice = _sent(books, "356.78")
    deposit = books.deposit("356.78", invoice.number)
    payment_id = _of(_match(books), deposit).payment_id
    assert payment_id is not None
    with books.connect() as connection:
        assert undo(connection, payment_id, actor="bob", reason="it is for the deposit of the office") == (
            invoice.number,
        )
    waiting = _waits(books, deposit)
    assert waiting.why == "a payment of it was taken back (bob: it is for the deposit of the office)"
    assert [one.numbers for one in waiting.candidates] == [(invoice.number,)]
    _apply(books, deposit, invoice.number)
    assert _open(books, invoice) == [ZERO]


def test_a_dry_run_finds_everything_and_records_nothing(books: Books) -> None:
    invoice = _sent(books, "98.76")
    deposit = books.deposit("98.76", invoice.number)
    assert isinstance(_of(_match(books, dry_run=True), deposit).outcome, Match)
    assert _open(books, invoice) == [Decimal("98.76")]
    assert books.rows("select count(*) from billing.payments where bank_transaction_id = %s", (deposit[4:],)) == [(0,)]


def test_a_payer_is_remembered_only_by_a_person_and_forgotten_with_the_payment(books: Books) -> None:
    client = books.client()
    first = _sent(books, "512.01", client=client)
    deposit = books.deposit("512.01", "TRF", payer="Holding No. 5 AG")
    assert _waits(books, deposit).why == "it names no invoice, and the payer is unknown"
    applied = _apply(books, deposit, first.number, remember=True)
    assert (applied.remembered, applied.unapplied) == (first.client, ZERO)
    second = _sent(books, "512.02", client=client, month=MAY)
    again = books.deposit("512.02", "TRF", payer="HOLDING NO 5 AG", on=TODAY + timedelta(days=20))
    assert _rule(books, again) == "payer_and_amount"
    assert _open(books, first, second) == [ZERO, ZERO]
    with books.connect() as connection:
        undo(connection, applied.payment_id, actor="ada", reason="of somebody else")
    third = _sent(books, "512.03", client=client, month=APRIL)
    later = books.deposit("512.03", "TRF", payer="Holding No. 5 AG", on=TODAY + timedelta(days=40))
    assert _waits(books, later).why == "it names no invoice, and the payer is unknown"
    assert _open(books, third) == [Decimal("512.03")]


def test_a_sibling_pays_by_number_and_a_stranger_waits(books: Books) -> None:
    parent = books.client()
    invoice = _sent(books, "818.00", client=books.client(parent=parent))
    sibling, stranger = books.client(parent=parent), books.client()
    names = dict(books.rows("select id, company_name from marts.clients"))
    wrong = books.deposit("818.00", invoice.number, payer=names[stranger])
    assert "the invoice is of another" in _waits(books, wrong).why
    right = books.deposit("818.00", invoice.number, payer=names[sibling])
    assert _rule(books, right) == "number_and_amount"


def test_a_deposit_in_another_currency_pays_at_the_rate_of_its_day(books: Books) -> None:
    books.change("insert into staging.stg_reference__fx_rates values ('EUR', 'USD', '2026-07-01', 1.1, 2)")
    invoice, other = _sent(books, "1100.00"), _sent(books, "2000.00")
    deposit = books.deposit("990.00", f"WIRE {invoice.number} {invoice.client}", currency="EUR")
    assert _rule(books, deposit) == "number_other_currency"
    assert books.rows(
        "select p.kind, a.amount, a.payment_amount from billing.payment_allocations as a"
        " inner join billing.payments as p on a.payment_id = p.id where a.invoice_id = %s order by a.id",
        (invoice.id,),
    ) == [
        ("receipt", Decimal("1089.00"), Decimal("990.00")),
        ("fx_difference", Decimal("11.00"), Decimal("11.00")),
    ]
    far = books.deposit("1000.00", f"WIRE {other.number} {other.client}", currency="EUR")
    assert "at 1.1 it is 1,100.00 USD, and 2,000.00 are open" in _waits(books, far).why
    applied = _apply(books, far, other.number)
    assert (applied.invoices[0].open, applied.unapplied) == (Decimal("900.00"), ZERO)
    crowns = books.deposit("5000.00", other.number, currency="SEK")
    with pytest.raises(InvoicingError, match="no rate from SEK to USD"):
        _apply(books, crowns, other.number)


def test_what_is_left_of_a_payment_pays_a_later_invoice(books: Books) -> None:
    client = books.client()
    first = _sent(books, "100.00", client=client)
    deposit = books.deposit("130.00", "TRF", payer="Somebody")
    applied = _apply(books, deposit, first.number)
    assert applied.unapplied == Decimal("30.00")
    second = _sent(books, "50.00", client=client, month=MAY)
    rest = _apply(books, applied.payment_id, second.number)
    assert (rest.unapplied, rest.invoices[0].open) == (ZERO, Decimal("20.00"))
    with pytest.raises(InvoicingError, match="is no payment of which something is unapplied"):
        _apply(books, applied.payment_id, second.number)


@pytest.mark.parametrize(
    ("targets", "options", "said"),
    [
        (("LW-0",), {}, "There is no invoice LW-0"),
        (("{a}", "{a}"), {}, "named twice"),
        (("{a}", "{b}"), {}, "Nothing of the money is left for {b}"),
        (("{a}",), {"remember": True}, "names no payer on deposit"),
        (("PAY-1", "{a}"), {}, "not both"),
        (("PAY-1",), {}, "PAY-1 is no payment by hand that waits"),
        (("{settled}",), {}, "is settled; nothing of it is open"),
    ],
)
def test_what_cannot_be_applied_is_said(
    books: Books, targets: Sequence[str], options: dict[str, Any], said: str
) -> None:
    names = {"a": _sent(books, "60.00").number, "b": _sent(books, "60.00").number, "settled": _settled(books)}
    deposit = books.deposit("60.00", "TRF")
    with pytest.raises(InvoicingError, match=said.format(**names)):
        _apply(books, deposit, *[one.format(**names) for one in targets], **options)
    assert books.rows("select count(*) from billing.payments where bank_transaction_id = %s", (deposit[4:],)) == [(0,)]


def _settled(books: Books) -> str:
    invoice = _sent(books, "7.00")
    with books.connect() as connection:
        write_off(connection, invoice.number, Decimal("7.00"), actor="ada", today=TODAY, reason="lost")
    return invoice.number


def test_an_unknown_deposit_is_said(books: Books) -> None:
    with pytest.raises(InvoicingError, match="There is no deposit TXN-nothing that the bank has posted"):
        _apply(books, "TXN-nothing", "LW-2026-0001")
