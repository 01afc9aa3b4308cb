"""Random agencies that issue, edit, cancel, credit, are paid and pay back: no cent or second is lost or billed twice.

What is invoiced and what is still to be invoiced is together what a plain calculation says that all time and amounts
are worth now; with what is unbilled, by reason, it is all counted time. Rounds and seed may be given:

    INVOICE_ROUNDS=40 INVOICE_SEED=7 python -m pytest -s tests/dbt_project/billing/test_random_invoices.py
"""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit, issue
from invoicing.payments import pay, undo, write_off
from invoicing.records import Invoice, list_invoices
from invoicing.restatements import record
from tests.dbt_project.billing.plain_billing import ZERO, Bill, Case, Entry, bill_of
from tests.dbt_project.billing.random_cases import AGENCY, random_cases, raw_tables
from tests.dbt_project.conftest import DbtProject

SEED = int(os.environ.get("INVOICE_SEED", "20261130"))
CASES = 120
ROUNDS = int(os.environ.get("INVOICE_ROUNDS", "3"))
# Sessions share hours with whatever else their developer did, so that an edit of one alone is none of its case alone.
_KINDS = {"application": 26, "contract": 24, "rule": 24, "terms": 20, "mixed": 13}
_PRINTED = {"address": "1 Pier Road", "tax_id": "00-1", "invoice_number_format": "A-{year}-{number}"}
_BUILT = (
    "+invoice_prefills",
    "+time_entry_export",
    "+invoice_waterfall",
    "+agency_kpis",
    "+int_changes__processed_months",
    "+int_changes__processed_time_dates",
)
# After which a build may break off.
_BREAKS = ("int_billing__changed_months", "int_billing__parts", "int_billing__line_entries", "unbilled")
# Data tests of every build, on invoices as wild as these.
_RECONCILIATIONS = (
    "all_lines_are_on_a_prefill",
    "every_counted_second_is_on_one_line_or_unbilled",
    "exported_amounts_are_their_lines",
    "invoices_and_adjustments_are_the_bill_as_computed_now",
    "line_entries_are_their_line",
    "lines_are_priced_from_exact_seconds",
    "prefills_are_the_sum_of_their_lines",
    "waterfall_is_time_and_invoices",
)
# A bill is negative by its own discounts, or has no lines, or an invoice that it adjusts was canceled a moment ago.
_REFUSALS = ("is negative", "has no lines", "has changed since the bill")

Sums = dict[tuple[str, str], Decimal]


@dataclass
class Ledger:
    """What was settled, in plain sums: by invoice, and what stayed with each client and currency."""

    settled: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unapplied: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class RandomAgency:
    """Clients with random agreements and timesheets, their raw tables, and what was decided on their invoices."""

    def __init__(self, project: DbtProject, seed: int, cases: int) -> None:
        """Make the cases; nothing is built yet."""
        self.project, self.random = project, Random(seed)
        self.cases = random_cases(self.random, cases, _KINDS)
        self.ledger = Ledger()
        self.done: Counter[str] = Counter()
        self.agency = AGENCY

    @property
    def today(self) -> date:
        """The day of as_of."""
        return self.agency.as_of

    def build(self) -> None:
        """Build from the raw tables as they are now, and record what changed after it was billed."""
        rows = raw_tables(self.cases, self.agency)
        rows["reference.agency"] = [{**rows["reference.agency"][0], **_PRINTED}]
        self.project.load(rows)
        self._dbt()
        [months] = self.project.rows(
            "select count(*) filter (where is_changed) as changed, count(*) as all"
            " from intermediate.int_billing__changed_months"
        )
        self.done["months kept"] += months["all"] - months["changed"]
        with self.project.warehouse.connect("owner") as connection:
            self.done["restated"] += record(connection)
            assert record(connection) == 0, "a difference was recorded twice"

    def break_off(self) -> None:
        """Edit, build some of the models, and take the edits back."""
        cases, agency = self.cases[:], self.agency
        self.edit()
        self.project.load(raw_tables(self.cases, self.agency))
        self._dbt(selection=[f"+{self.random.choice(_BREAKS)}"])
        self.cases, self.agency = cases, agency
        self.done["broken off"] += 1

    def _dbt(self, *arguments: str, selection: Sequence[str] = _BUILT) -> None:
        no_tests = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
        self.project.dbt("build", *no_tests, *arguments, "--select", *selection, as_of=str(self.today))

    def check_increments(self) -> None:
        """Compare all tables with those of a full refresh."""
        by_increments = self._contents()
        self._dbt("--full-refresh")
        refreshed = self._contents()
        differing = [
            f"{table}: {row}" for table in refreshed for row in sorted({*by_increments[table]} ^ {*refreshed[table]})
        ]
        assert by_increments == refreshed, "\n".join(differing[:8])

    def _contents(self) -> dict[str, list[str]]:
        tables = self.project.rows(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname = 'building' and tablename not in ('changes', 'published')"
            " or schemaname = 'intermediate' and tablename not like '%\\_changed\\_%'"
        )
        return {
            one["name"]: sorted(
                row["row"] for row in self.project.rows(f"select t::text as row from {one['name']} as t")
            )
            for one in tables
        }

    def pass_time(self) -> None:
        """Let days pass, over a month's end or not."""
        self.agency = replace(self.agency, as_of=self.agency.as_of + timedelta(days=self.random.choice((1, 16, 40))))

    def edit(self) -> None:
        """Change, add and delete time, and change agreements: of every other case, or time of two cases alone."""
        is_small = self.random.random() < 0.5
        for place in self.random.sample(range(len(self.cases)), 2 if is_small else len(self.cases) // 2):
            case = self._with_edited_entries(self.cases[place])
            self.cases[place] = case if is_small else self._with_edited_agreements(case)
        if not is_small and self.random.random() < 0.3:
            first, *others = self.agency.rate_rules
            self.agency = replace(
                self.agency, rate_rules=(replace(first, multiplier=first.multiplier + Decimal("0.05")), *others)
            )
            self.done["another multiplier"] += 1

    def _with_edited_entries(self, case: Case) -> Case:
        random = self.random
        kept: list[Entry] = []
        for entry in case.entries:
            fate = random.random()
            if fate < 0.1:
                self.done["deleted"] += 1
                continue
            if fate < 0.4:
                self.done["edited"] += 1
                minutes = 60 if entry.source == "manual" else 1
                entry = replace(entry, seconds=minutes * random.randint(1, 20_000 // minutes))
            elif fate < 0.5 and entry.source == "tempo":
                # A worklog states its day; of others it follows from a clock that may be set forward in between.
                self.done["moved to another month"] += 1
                later = timedelta(days=random.choice((-35, 28, 40)))
                entry = replace(entry, day=entry.day + later, start=entry.start and entry.start + later)
            kept.append(entry)
        return replace(case, entries=kept)

    def _with_edited_agreements(self, case: Case) -> Case:
        random = self.random
        case, change = replace(case), random.random()
        if change < 0.3:
            factor = random.choice((Decimal("0.5"), Decimal("1.1"), Decimal(2)))
            case.project_terms = [
                replace(one, hourly_rate=one.hourly_rate and (one.hourly_rate * factor).quantize(Decimal("0.0001")))
                for one in case.project_terms
            ]
            case.client_terms = [
                replace(one, retainer_amount=one.retainer_amount and one.retainer_amount + 10)
                for one in case.client_terms
            ]
            case.rules = [replace(one, rate_cents=one.rate_cents + 100) for one in case.rules]
            case.contracts = [replace(one, overage_rate=one.overage_rate + 1) for one in case.contracts]
            self.done["repriced"] += 1
        elif change < 0.35:
            case.client_terms = [replace(one, currency=random.choice(("USD", "EUR"))) for one in case.client_terms]
            self.done["another currency"] += 1
        elif change < 0.45 and case.fixed_lines:
            case.fixed_lines = case.fixed_lines[1:]
            self.done["without a fixed line"] += 1
        return case

    def decide(self) -> None:
        """Issue some bills; pay, take back, write off, cancel and credit some invoices."""
        prefills = self.project.rows(
            "select client_id, currency, invoice_month, warnings from marts.invoice_prefills order by 3, 1, 2"
        )
        self.random.shuffle(prefills)
        with self.project.warehouse.connect("owner") as connection:
            for prefill in prefills:
                if self.random.random() < 0.35:
                    self._issue(connection, prefill)
            for invoice in list_invoices(connection):
                self._treat(connection, invoice)

    def _issue(self, connection: psycopg.Connection[Any], prefill: dict[str, Any]) -> None:
        try:
            outcome = issue(
                connection,
                prefill["client_id"],
                prefill["invoice_month"],
                currency=prefill["currency"],
                actor="ada",
                today=self.today,
                accept=[one["code"] for one in prefill["warnings"]],
                allow_zero=True,
            )
        except InvoicingError as error:
            refused = [text for text in _REFUSALS if text in str(error)]
            if not refused:
                raise
            self.done[f"refused: {refused[0]}"] += 1
            return
        if not outcome.is_new:
            return
        invoice = outcome.invoice
        self.done[f"issued: {invoice.kind}"] += 1
        if invoice.kind == "credit_note":
            self._follow_set_off(connection, invoice)

    def _follow_set_off(self, connection: psycopg.Connection[Any], note: Invoice) -> None:
        """What a credit note settled is in no operation of ours; it must be within what was open, and equal on both."""
        for settled, amount in connection.execute(
            "select invoice_id, amount from billing.payment_allocations where credit_note_id = %s", (note.id,)
        ):
            self.ledger.settled[settled] += amount
            self.ledger.settled[note.id] -= amount

    def _treat(self, connection: psycopg.Connection[Any], invoice: Invoice) -> None:
        random = self.random
        fate = random.random()
        owed = (invoice.client_id, invoice.currency)
        if invoice.kind == "credit_note":
            if invoice.open and fate < 0.3:
                amount = -invoice.open if fate < 0.2 else (-invoice.open / 2).quantize(Decimal("0.01"))
                if amount > 0:
                    number = invoice.number
                    pay(connection, number, amount, actor="ada", today=self.today, reference=str(random.random()))
                    self.ledger.settled[invoice.id] -= amount
                    self.done["refunded"] += 1
            return
        if invoice.status == "canceled":
            return
        if fate < 0.15 and not invoice.settled and not invoice.is_credited:
            cancel(connection, invoice.number, actor="ada", today=self.today, reason="x")
            self.done["canceled"] += 1
        elif fate < 0.3 and not invoice.is_credited:
            note = credit(connection, invoice.number, actor="ada", today=self.today, reason="x").invoice
            self._follow_set_off(connection, note)
            self.done["credited"] += 1
        elif fate < 0.6 and invoice.open > Decimal("0.02"):
            part = random.choice((invoice.open, (invoice.open / 3).quantize(Decimal("0.01")), invoice.open + 5))
            paid = pay(connection, invoice.number, part, actor="ada", today=self.today, reference=str(random.random()))
            settled = min(part, invoice.open)
            self.ledger.settled[invoice.id] += settled
            self.ledger.unapplied[owed] += part - settled
            self.done["paid"] += 1
            if random.random() < 0.2:
                undo(connection, paid.payment_id, actor="ada", reason="bounced")
                self.ledger.settled[invoice.id] -= settled
                self.ledger.unapplied[owed] -= part - settled
                self.done["taken back"] += 1
        elif fate < 0.65 and invoice.open > Decimal("0.02"):
            write_off(
                connection, invoice.number, Decimal("0.01"), actor="ada", today=self.today, reason=str(random.random())
            )
            self.ledger.settled[invoice.id] += Decimal("0.01")
            self.done["written off"] += 1

    def check(self) -> None:
        """Compare with the plain calculation, to the cent and the second."""
        bills = [bill_of(case, self.agency) for case in self.cases]
        self._check_amounts(bills)
        self._check_seconds(bills)
        self._check_restatements()
        self._check_receivable()
        self._check_waterfall(bills)

    def _check_amounts(self, bills: list[Bill]) -> None:
        worth = _worth(bills)
        billed = self._sums("select client_id, currency, subtotal as amount from billing.invoices where is_live")
        waiting = self._sums(
            "select client_id, currency, subtotal as amount from marts.invoice_prefills as p"
            " where not exists (select 1 from billing.invoices as i where i.is_live"
            " and (i.client_id, i.currency, i.invoice_month) = (p.client_id, p.currency, p.invoice_month))"
        )
        for key in {*worth, *billed, *waiting}:
            now = billed.get(key, ZERO) + waiting.get(key, ZERO)
            assert now == worth.get(key, ZERO), f"{key}: {billed.get(key)} invoiced and {waiting.get(key)} waiting"

    def _check_seconds(self, bills: list[Bill]) -> None:
        counted, billed, unbilled = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
        for case, bill in zip(self.cases, bills, strict=True):
            counted.update({one.id: one.seconds for one in case.entries if one.id not in bill.not_counted})
            unbilled.update(bill.unbilled)
        for row in self.project.rows(
            "select time_entry_id, raw_seconds from marts.invoice_prefill_line_entries union all"
            " select time_entry_id, raw_seconds from intermediate.int_billing__restatements"
            " where time_entry_id is not null and line_id is null"
        ):
            billed[row["time_entry_id"]] += row["raw_seconds"]
        found = {
            (row["time_entry_id"], row["reason"]): row["seconds"] for row in self.project.rows("table marts.unbilled")
        }
        assert found == dict(unbilled)
        for (entry, _), seconds in unbilled.items():
            billed[entry] += seconds
        assert {entry: n for entry, n in billed.items() if n} == {entry: n for entry, n in counted.items() if n}

    def _check_restatements(self) -> None:
        """Of each live invoice: as computed now, less as issued, less what is settled, is what stands unsettled."""
        wrong = self.project.rows(
            """
            with unsettled as (
                select r.invoice_id, sum(r.amount) as amount
                from billing.restatements as r
                where not exists (
                    select 1 from billing.settled_restatements as s
                    inner join billing.invoice_line_items as l on s.line_id = l.id
                    inner join billing.invoices as j on l.invoice_id = j.id and j.is_live
                    where s.restatement_id = r.id
                )
                group by r.invoice_id
            ),
            billed as (
                select i.client_id, i.currency, sum(l.line_total) as amount,
                    coalesce((l.billing_rule_snapshot ->> 'restated_month')::date, i.invoice_month) as billed_month
                from billing.invoices as i inner join billing.invoice_line_items as l on i.id = l.invoice_id
                where i.is_live
                group by i.client_id, i.currency, billed_month
            ),
            computed as (
                select client_id, currency, invoice_month, sum(line_total) as amount
                from intermediate.int_billing__lines group by 1, 2, 3
            )
            select i.invoice_number, c.amount as now, b.amount as billed, u.amount as unsettled
            from billing.invoices as i
            left join billed as b on
                i.client_id = b.client_id and i.currency = b.currency and i.invoice_month = b.billed_month
            left join computed as c on
                i.client_id = c.client_id and i.currency = c.currency and i.invoice_month = c.invoice_month
            left join unsettled as u on i.id = u.invoice_id
            where i.is_live
                and coalesce(c.amount, 0) - coalesce(b.amount, 0) <> coalesce(u.amount, 0)
            """
        )
        assert not wrong, wrong

    def _check_receivable(self) -> None:
        open_now: Sums = defaultdict(Decimal)
        with self.project.warehouse.connect("owner") as connection:
            for invoice in list_invoices(connection):
                if invoice.status != "canceled":
                    assert invoice.settled == self.ledger.settled[invoice.id], invoice
                    open_now[invoice.client_id, invoice.currency] += invoice.total - self.ledger.settled[invoice.id]
        for key, amount in self.ledger.unapplied.items():
            open_now[key] -= amount
        found = self._sums(f"select client_id, currency, open_amount as amount from billing.ar_open('{self.today}')")
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in open_now.items() if v}

    def _check_waterfall(self, bills: list[Bill]) -> None:
        """From time to money by client and currency, over all months."""
        counted: Counter[str] = Counter()
        for case, bill in zip(self.cases, bills, strict=True):
            for entry in case.entries:
                if entry.id not in bill.not_counted:
                    counted["seconds"] += entry.seconds
        without_effect = self.project.value(
            "select coalesce(sum(raw_seconds), 0) from intermediate.int_billing__restatements where line_id is null"
        )
        shown = self.project.value("select sum(counted_seconds) from reports.invoice_waterfall")
        assert shown == counted["seconds"] - without_effect
        # Unbilled time has no price, so that what is invoiced and what is not yet is all that counted time is worth.
        shown_worth = self._sums(
            "select client_id, currency, invoiced_amount + not_invoiced_amount as amount from reports.invoice_waterfall"
        )
        assert {k: v for k, v in shown_worth.items() if v} == {k: v for k, v in _worth(bills).items() if v}
        invoiced = self._sums("select client_id, currency, total as amount from billing.invoices where is_live")
        paid = self._sums(
            "select i.client_id, i.currency, a.amount from billing.payment_allocations as a"
            " inner join billing.payments as p on a.payment_id = p.id and p.kind in ('receipt', 'refund')"
            " inner join billing.invoices as i on a.invoice_id = i.id"
        )
        for name, expected in (("invoiced_total", invoiced), ("paid_amount", paid)):
            found = self._sums(f"select client_id, currency, {name} as amount from reports.invoice_waterfall")
            assert {k: v for k, v in found.items() if v} == {k: v for k, v in expected.items() if v}, name

    def _sums(self, query: str) -> Sums:
        sums: Sums = defaultdict(Decimal)
        for row in self.project.rows(query):
            sums[row["client_id"], row["currency"]] += row["amount"]
        return sums


def _worth(bills: list[Bill]) -> Sums:
    """What a plain calculation says that all time and amounts are worth, by client and currency."""
    worth: Sums = defaultdict(Decimal)
    for bill in bills:
        for line in bill.lines:
            worth[f"CLI-{line.key.client}", line.key.currency] += line.total
    return worth


def lives_of(agency: RandomAgency, rounds: int) -> None:
    """Live through some rounds, and compare after each build."""
    agency.build()
    agency.check()
    for _ in range(rounds):
        agency.decide()
        if agency.random.random() < 0.7:
            agency.edit()
        if agency.random.random() < 0.5:
            agency.pass_time()
        if agency.random.random() < 0.4:
            agency.break_off()
        agency.build()
        agency.check()
    agency.project.dbt("test", "--select", *_RECONCILIATIONS, as_of=str(agency.today))
    agency.check_increments()


def test_no_cent_is_lost_through_issue_edit_cancel_credit_payment_and_refund(dbt_project: DbtProject) -> None:
    agency = RandomAgency(dbt_project, SEED, CASES)
    lives_of(agency, ROUNDS)
    print(dict(agency.done))
