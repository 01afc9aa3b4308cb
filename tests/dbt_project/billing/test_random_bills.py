"""Ten thousand random clients: contracts, lines, what is unbilled and totals are what a plain calculation says."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pprint import pformat
from random import Random
from typing import Any

import pytest

from tests.dbt_project.billing.plain_billing import ZERO, Bill, Case, Line, LineKey, Period, bill_of
from tests.dbt_project.billing.random_cases import AGENCY, AS_OF, random_cases, raw_tables
from tests.dbt_project.conftest import DbtProject

SEED = 20261121
CASES = 10_000
MIRROR_CASES = 400
_SHOWN = 8
_MARTS = (
    "time_entries",
    "contract_periods",
    "contract_allocations",
    "invoice_prefills",
    "invoice_prefill_lines",
    "invoice_prefill_line_entries",
    "unbilled",
)

Row = tuple[Any, ...]


class Billed:
    """Cases, their bills by the plain calculation, and the project that built the same from raw tables."""

    def __init__(self, project: DbtProject, cases: list[Case]) -> None:
        """Work out every case's bill."""
        self.project, self.cases = project, cases
        self.bills = {case.number: bill_of(case, AGENCY) for case in cases}
        self.case_of_client = {client: case.number for case in cases for client in case.clients}
        self.case_of_entry = {entry.id: case.number for case in cases for entry in case.entries}
        self.case_of_contract = {contract.number: case.number for case in cases for contract in case.contracts}

    def differences(self, query: str, expected: Callable[[Bill], Iterable[Row]], case_of: Mapping[str, int]) -> str:
        """Compare a query's rows with the plain calculation's; nothing if they are equal.

        Args:
            query: its first column says whose case a row is.
            expected: the rows that a bill should give.
            case_of: number of the case by the first column.

        Returns:
            The first cases that differ: what SQL alone has, what the calculation alone has, and the first case itself.
        """
        actual: dict[int, Counter[Row]] = defaultdict(Counter)
        with self.project.warehouse.connect("owner") as connection:
            for row in connection.execute(query):
                actual[case_of[row[0]]][row] += 1
        wrong = []
        for case in self.cases:
            of_sql, of_calculation = actual[case.number], Counter(expected(self.bills[case.number]))
            if of_sql != of_calculation:
                wrong.append((case, of_sql - of_calculation, of_calculation - of_sql))
        if not wrong:
            return ""
        report = [f"{len(wrong)} of {len(self.cases)} cases differ: {dict(Counter(case.kind for case, *_ in wrong))}"]
        for case, sql_alone, calculation_alone in wrong[:_SHOWN]:
            report.append(f"case {case.number} ({case.kind})")
            report += [f"  SQL:         {_shown(row)}" for row in sql_alone.elements()]
            report += [f"  calculation: {_shown(row)}" for row in calculation_alone.elements()]
        report.append(pformat(wrong[0][0], width=160))
        return "\n".join(report)


def _shown(row: Row) -> str:
    return ", ".join("-" if value is None else str(value) for value in row)


def _built(project: DbtProject, cases: list[Case], **variables: str) -> Billed:
    project.load(raw_tables(cases))
    # Contracts and rules lend their names to the comparison.
    selection = [f"+{mart}" for mart in (*_MARTS, "contracts", "billing_rules")]
    no_tests = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
    project.dbt("build", *no_tests, "--select", *selection, as_of=str(AS_OF), **variables)
    return Billed(project, cases)


@pytest.fixture(scope="module")
def billed(dbt_project: DbtProject) -> Billed:
    """All cases, built at once."""
    return _built(dbt_project, random_cases(Random(SEED), CASES))


# Clients and projects go by the first eight characters of their Clockify ids, which is all that theirs have.
LINE_KEY = """
    substr(lines.client_id, 5), lines.currency, lines.invoice_month, lines.basis, lines.line_type, lines.rate_tier,
    lines.application_id, contracts.contract_number, periods.period_start,
    case when rules.id is not null then substr(rules.project_id, 5) end, rules.effective_from,
    case when lines.basis in ('billing_rule', 'client_terms') then substr(lines.project_id, 5) end, lines.issue_key,
    case when lines.basis = 'fixed_line' then lines.description end, lines.unit_price, lines.rate_multiplier
"""
LINES = """
    from marts.invoice_prefill_lines as lines
    left join marts.contracts as contracts on lines.contract_id = contracts.id
    left join marts.contract_periods as periods on lines.contract_period_id = periods.id
    left join marts.billing_rules as rules on lines.billing_rule_id = rules.id
"""


def _flat(key: LineKey) -> Row:
    rule = key.rule or (None, None)
    return (
        key.client,
        key.currency,
        key.month,
        key.basis,
        key.line_type,
        key.rate_tier,
        key.application,
        key.contract,
        key.period_start,
        *rule,
        key.project,
        key.issue_key,
        key.description,
        key.unit_price,
        key.multiplier,
    )


def _lines(billed: Billed) -> str:
    return billed.differences(
        f"select {LINE_KEY}, lines.raw_seconds, lines.billable_seconds, lines.quantity, lines.line_total {LINES}",
        lambda bill: ((*_flat(line.key), line.raw, line.billable, line.quantity, line.total) for line in bill.lines),
        billed.case_of_client,
    )


def _line_entries(billed: Billed) -> str:
    return billed.differences(
        f"""
        select {LINE_KEY}, bridge.time_entry_id, bridge.raw_seconds, bridge.billable_seconds {LINES}
        inner join marts.invoice_prefill_line_entries as bridge on lines.id = bridge.line_id
        """,
        lambda bill: ((*_flat(part.key), part.entry, part.raw, part.billable) for part in bill.line_entries),
        billed.case_of_client,
    )


def _unbilled(billed: Billed) -> str:
    return billed.differences(
        "select time_entry_id, reason, seconds from marts.unbilled",
        lambda bill: ((*key, seconds) for key, seconds in bill.unbilled.items()),
        billed.case_of_entry,
    )


def test_the_same_entries_count(billed: Billed) -> None:
    differences = billed.differences(
        "select id, not_counted_reason from marts.time_entries where not is_counted",
        lambda bill: bill.not_counted.items(),
        billed.case_of_entry,
    )
    assert not differences, differences


def test_whose_entries_are(billed: Billed) -> None:
    differences = billed.differences(
        """
        select
            entries.id, substr(entries.client_id, 5), substr(entries.project_id, 5), entries.application_id,
            contracts.contract_number
        from marts.time_entries as entries
        left join marts.contracts as contracts on entries.contract_id = contracts.id
        """,
        lambda bill: ((entry, *belongings) for entry, belongings in bill.belongings.items()),
        billed.case_of_entry,
    )
    assert not differences, differences


def test_contract_periods(billed: Billed) -> None:
    differences = billed.differences(
        """
        select
            contracts.contract_number, period_start, period_end, allocated_hours, used_hours, overage_hours,
            remaining_hours, used_share, periods.standard_rate, periods.overage_rate, total_overage_amount
        from marts.contract_periods as periods
        inner join marts.contracts as contracts on periods.contract_id = contracts.id
        """,
        lambda bill: map(astuple, bill.periods),
        billed.case_of_contract,
    )
    assert not differences, differences


def test_contract_allocations(billed: Billed) -> None:
    differences = billed.differences(
        """
        select
            allocations.time_entry_id, contracts.contract_number, periods.period_start, allocations.part,
            allocations.seconds, allocations.rate_applied
        from marts.contract_allocations as allocations
        inner join marts.contracts as contracts on allocations.contract_id = contracts.id
        left join marts.contract_periods as periods on allocations.contract_period_id = periods.id
        """,
        lambda bill: map(astuple, bill.allocations),
        billed.case_of_entry,
    )
    assert not differences, differences


def test_lines(billed: Billed) -> None:
    differences = _lines(billed)
    assert not differences, differences


def test_entries_of_lines(billed: Billed) -> None:
    differences = _line_entries(billed)
    assert not differences, differences


def test_what_is_unbilled(billed: Billed) -> None:
    differences = _unbilled(billed)
    assert not differences, differences


def test_totals(billed: Billed) -> None:
    differences = billed.differences(
        "select substr(client_id, 5), currency, invoice_month, subtotal, tax, total from marts.invoice_prefills",
        lambda bill: ((*key, *amounts) for key, amounts in bill.prefills.items()),
        billed.case_of_client,
    )
    assert not differences, differences


def test_the_mirror_bills_alike(open_dbt_project: Callable[[], DbtProject]) -> None:
    cases = random_cases(Random(SEED), MIRROR_CASES, {"mirror": 1})
    billed = _built(open_dbt_project(), cases, worklog_route="clickhouse")
    differences = _lines(billed) + _line_entries(billed) + _unbilled(billed)
    assert not differences, differences
    kinds = Counter(line.key.line_type for bill in billed.bills.values() for line in bill.lines)
    # A date without time knows weekends and holidays alone.
    assert min(kinds[line_type] for line_type in ("task", "off_hours", "incident_critical", "overtime", "support")) > 20


# Every line type and tier of rule 7.29, as they are in the marts.
_LINE_TYPES: dict[str, set[tuple[str, str | None]]] = {
    "application": {
        ("incident_critical", "p1_p3_off_hours"),
        ("incident", "p1_p3"),
        ("meeting", "standard"),
        ("meeting", "off_hours"),
        ("off_hours", "off_hours"),
        ("task", "standard"),
        ("overtime", "p1_p3_off_hours"),
        ("overtime", "p1_p3"),
        ("overtime", "off_hours"),
        ("overtime", "standard"),
        ("support", None),
        ("monitoring", None),
        ("fixed", None),
    },
    "contract": {("included", None), ("overage", None), ("hourly", None)},
    "billing_rule": {(kind, None) for kind in ("hourly", "overtime", "fixed", "retainer", "covered", "overage")},
    "client_terms": {("hourly", None), ("covered", None), ("retainer", None)},
    "fixed_line": {("fixed", None)},
}
_REASONS = {
    "not_billable",
    "internal",
    "overhead",
    "overhead_only",
    "no_client",
    "contract_inactive",
    "no_rate",
    "capped",
}


def test_the_cases_reach_every_rule(billed: Billed) -> None:
    """Equal bills prove nothing of a rule that no case meets: each is met a hundred times, rare ones twenty times."""
    lines = [line for bill in billed.bills.values() for line in bill.lines]
    kinds = Counter((line.key.basis, line.key.line_type, line.key.rate_tier) for line in lines)
    assert set(kinds) == {(basis, *kind) for basis, of_basis in _LINE_TYPES.items() for kind in of_basis}
    assert min(kinds.values()) >= 100, kinds
    reasons = Counter(reason for bill in billed.bills.values() for _, reason in bill.unbilled)
    assert set(reasons) == _REASONS
    assert min(reasons.values()) >= 100, reasons

    parts = Counter(part.entry for bill in billed.bills.values() for part in bill.line_entries)
    met = {
        "half cents": sum(map(_is_tie, lines)),
        "split entries": sum(count > 1 for count in parts.values()),
        "prices and multipliers that change within a month": _changes(
            billed, lambda key: replace(key, unit_price=ZERO, multiplier=ZERO)
        ),
        "clients of one project within a month": _changes(billed, lambda key: replace(key, client="")),
        "currencies of one client and month": sum(
            count > 1 for count in Counter((client, month) for client, _, month in _prefills(billed)).values()
        ),
        "taxed cents": sum(tax != 0 for _, tax, _ in _prefills(billed).values()),
        "negative totals": sum(total < 0 for *_, total in _prefills(billed).values()),
        "empty prefills": sum(subtotal == 0 for subtotal, *_ in _prefills(billed).values()),
        "29 February": sum(period.end == date(2024, 2, 29) for period in _periods(billed)),
        "28 February": sum(period.end == date(2023, 2, 27) for period in _periods(billed)),
        "cut periods": sum((period.end - period.start).days < 27 for period in _periods(billed)),
        "periods after as_of": sum(period.start > AS_OF for period in _periods(billed)),
        "quarters and years": sum(
            line.key.period_start is not None and (line.key.month - line.key.period_start).days > 60 for line in lines
        ),
        "excluded": sum("excluded" in bill.not_counted.values() for bill in billed.bills.values()),
        "superseded": sum("superseded" in bill.not_counted.values() for bill in billed.bills.values()),
        "logged elsewhere": sum("logged_elsewhere" in bill.not_counted.values() for bill in billed.bills.values()),
        "sessions": sum(part.entry.startswith("SES") for bill in billed.bills.values() for part in bill.line_entries),
    }
    assert min(met.values()) >= 20, met


def _prefills(billed: Billed) -> dict[tuple[str, str, date], tuple[Decimal, Decimal, Decimal]]:
    return {key: amounts for bill in billed.bills.values() for key, amounts in bill.prefills.items()}


def _periods(billed: Billed) -> list[Period]:
    return [period for bill in billed.bills.values() for period in bill.periods]


def _is_tie(line: Line) -> bool:
    exact = Fraction(line.billable) * Fraction(line.key.unit_price) * Fraction(line.key.multiplier) / 3600
    return (exact * 100) % 1 == Fraction(1, 2)


def _changes(billed: Billed, blank: Callable[[LineKey], LineKey]) -> int:
    """How many lines with time share all of their key but what is blanked with another."""
    lines = [line for bill in billed.bills.values() for line in bill.lines if line.billable]
    return sum(count > 1 for count in Counter(blank(line.key) for line in lines).values())
