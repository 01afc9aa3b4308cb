"""What becomes of invoices when billed time changes afterwards: one agency lives through it, each client one case.

The builds are shared: all clients are issued, edited, issued again at once; what each then has is kept by step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit, issue
from invoicing.payments import pay
from invoicing.records import Invoice, read_invoice
from invoicing.restatements import record
from tests.dbt_project.conftest import DbtProject

ZERO = Decimal(0)
TODAY = date(2026, 4, 10)
MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
_CLIENTS = (
    "edited",
    "late",
    "gone",
    "repriced",
    "mover",
    "taker",
    "credited",
    "freed",
    "again",
    "zero",
    "rounded",
)
_BUILT = (
    "+invoice_prefills",
    "+unbilled",
    "+clients",
    "+time_entries",
    "+int_reports__entry_amounts",
    "+invoice_waterfall",
    "+audit_logs",
    "+time_entry_export",
)


def _entry(client: str, name: str, day: str, seconds: int, *, project: str | None = None) -> dict[str, Any]:
    """A Clockify entry that begins at 8:00 UTC of a day like 03-02."""
    hours, minutes, rest = 8 + seconds // 3600, seconds // 60 % 60, seconds % 60
    return {
        "id": f"{client}-{name}",
        "user_id": "u1",
        "project_id": project or client,
        "start_time": f"2026-{day}T08:00:00Z",
        "end_time": f"2026-{day}T{hours:02}:{minutes:02}:{rest:02}Z",
        "billable": True,
        "type": "REGULAR",
        "is_deleted": False,
        "loaded_at": "2026-04-09T06:00:00Z",
    }


@dataclass
class Story:
    """The agency: its entries and agreements as they are now, its invoices, and what was read after each build."""

    project: DbtProject
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    rates: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(_CLIENTS, Decimal(100)))
    fixed: dict[str, Decimal] = field(default_factory=dict)
    invoices: dict[tuple[str, date], Invoice] = field(default_factory=dict)
    lines: dict[tuple[int, str], dict[date, list[tuple[str, Decimal]]]] = field(default_factory=dict)
    restated: dict[int, int] = field(default_factory=dict)
    step: int = 0

    def work(self, client: str, name: str, day: str, seconds: int, *, project: str | None = None) -> None:
        """Log an entry, or change it."""
        entry = _entry(client, name, day, seconds, project=project)
        self.entries[entry["id"]] = entry

    def delete(self, entry_id: str) -> None:
        """Delete an entry at the vendor."""
        self.entries[entry_id] |= {"is_deleted": True, "deleted_at": "2026-04-09T00:00:00Z"}

    def build(self, *, with_tests: bool = False) -> None:
        """Build, record what changed, and keep what each client's bills then are."""
        self.project.load(
            {
                "reference.agency": [
                    {
                        "legal_name": "Agency",
                        "currency": "EUR",
                        "timezone": "UTC",
                        "calendar": "default",
                        "address": "1 Pier Road",
                        "tax_id": "00-1",
                        "invoice_number_format": "A-{year}-{number:03}",
                    }
                ],
                "reference.client_terms": [
                    {"client": name, "billing_model": "hourly", "currency": "EUR", "tax_rate": Decimal("0.1")}
                    for name in _CLIENTS
                ],
                "reference.project_terms": [
                    {"project": name, "client": name, "hourly_rate": self.rates[name]} for name in _CLIENTS
                ],
                "reference.billing_rules": [
                    {
                        "project": "rounded",
                        "rule_type": "hourly",
                        "rate_cents": 10000,
                        "rounding_increment_minutes": 30,
                    }
                ],
                "reference.fixed_lines": [
                    {
                        "client": client,
                        "description": "Hosting",
                        "amount": amount,
                        "valid_from": "2026-03-01",
                        "valid_to": "2026-03-31",
                    }
                    for client, amount in self.fixed.items()
                ],
                "clockify.users": [{"id": "u1", "email": "ada@example.com", "status": "ACTIVE", "timezone": "UTC"}],
                "clockify.clients": [{"id": f"c-{name}", "name": name} for name in _CLIENTS],
                "clockify.projects": [{"id": name, "client_id": f"c-{name}", "name": name} for name in _CLIENTS],
                "clockify.time_entries": list(self.entries.values()),
            }
        )
        if with_tests:
            self.project.build(*_BUILT, as_of=str(TODAY))
        else:
            no_tests = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "test"]
            self.project.dbt("build", *no_tests, "--select", *_BUILT, as_of=str(TODAY))
        self.step += 1
        with self.connect() as connection:
            self.restated[self.step] = record(connection)
        for row in self.project.rows(
            "select c.name, l.invoice_month, l.basis, l.line_total from marts.invoice_prefill_lines as l"
            " inner join marts.clients as c on l.client_id = c.id order by l.basis desc, l.line_total"
        ):
            months = self.lines.setdefault((self.step, row["name"]), {})
            months.setdefault(row["invoice_month"], []).append((row["basis"], row["line_total"]))

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of role owner."""
        return self.project.warehouse.connect("owner")

    def issue(self, client: str, month: date, **options: Any) -> Invoice:
        """Issue a month's bill."""
        accepted = ["month_not_over", "negative_subtotal", "stale_source"]
        with self.connect() as connection:
            invoice = issue(
                connection, client, month, actor="ada@example.com", today=TODAY, accept=accepted, **options
            ).invoice
        self.invoices[client, month] = invoice
        return invoice

    def restatements(self, client: str) -> list[tuple[str | None, int, int, Decimal]]:
        """Of a client in the order in which they were found: entry, seconds that were and are, and the amount."""
        return [
            (row["time_entry_id"], row["was_seconds"], row["now_seconds"], row["amount"])
            for row in self.project.rows(
                "select r.* from billing.restatements as r inner join marts.clients as c on r.client_id = c.id"
                f" where c.name = '{client}' order by r.found_at, r.time_entry_id"
            )
        ]


@pytest.fixture(scope="module")
def story(dbt_project: DbtProject) -> Story:
    """March is issued, edited, adjusted in April, and so on; see the steps."""
    story = Story(dbt_project)
    for client in _CLIENTS:
        story.work(client, "a", "03-02", 3600)
    for client in ("edited", "mover", "credited", "freed", "again"):
        story.work(client, "d", "04-02", 3600)
    # Three of 20 minutes at 100 are 33.34, 33.33, 33.33 on their line.
    for number in (1, 2, 3):
        story.work("edited", f"e{number}", f"03-0{number + 2}", 1200)
    story.work("mover", "m", "03-03", 7200)
    story.fixed = {"repriced": Decimal(50), "zero": Decimal("20")}
    story.work("rounded", "r", "03-03", 3000)
    story.build()  # 1
    for client in _CLIENTS:
        story.issue(client, MARCH)

    story.work("edited", "a", "03-02", 7200)
    story.delete("edited-e1")
    story.work("late", "b", "03-30", 1800)
    story.delete("gone-a")
    story.rates["repriced"] = Decimal(120)
    story.fixed["repriced"] = Decimal("45.5")
    story.work("mover", "m", "03-03", 7200, project="taker")
    for client in ("credited", "freed", "again"):
        story.work(client, "a", "03-02", 5400)
    story.work("zero", "a", "03-02", 2880)
    story.fixed["zero"] = Decimal("40")
    story.work("rounded", "r", "03-03", 3300)
    story.build()  # 2
    story.build()  # 3: nothing new
    # The adjustment of these three is invoiced, with April.
    for client in ("credited", "freed", "again"):
        story.issue(client, APRIL)
    with story.connect() as connection:
        note = credit(connection, story.invoices["credited", MARCH].number, actor="bob", today=TODAY, reason="x")
        story.invoices["note", MARCH] = note.invoice
        cancel(connection, story.invoices["freed", APRIL].number, actor="bob", today=TODAY, reason="x")
    story.work("edited", "a", "03-02", 3600)
    story.work("again", "a", "03-02", 3600)
    story.build()  # 4
    return story


def _adjustments(lines: Mapping[date, list[tuple[str, Decimal]]]) -> dict[date, list[Decimal]]:
    found = {month: [total for basis, total in of if basis == "adjustment"] for month, of in lines.items()}
    return {month: totals for month, totals in found.items() if totals}


def test_an_edit_and_a_deletion_leave_the_invoice_and_adjust_the_next_bill_once(story: Story) -> None:
    issued = [("client_terms", Decimal("200.00"))]
    assert story.lines[1, "edited"] == {MARCH: issued, APRIL: [("client_terms", Decimal("100.00"))]}
    adjusted = [("client_terms", Decimal("100.00")), ("adjustment", Decimal("66.67"))]
    for step in (2, 3):
        assert story.lines[step, "edited"] == {MARCH: issued, APRIL: adjusted}
    # Time of 2:40:00 at 100 is 266.67. The cent that comes to an entry that did not change is with the one that did.
    assert story.restatements("edited")[:2] == [
        ("CLK-edited-a", 3600, 7200, Decimal("100.01")),
        ("CLK-edited-e1", 1200, 0, Decimal("-33.34")),
    ]
    assert story.restated[3] == 0, "nothing is recorded twice"


def test_an_edit_back_is_one_more_restatement(story: Story) -> None:
    assert [amount for *_, amount in story.restatements("edited")[2:]] == [Decimal("-100.01"), Decimal("0.01")]
    assert _adjustments(story.lines[4, "edited"]) == {APRIL: [Decimal("-33.33")]}


def test_time_added_after_the_invoice_is_billed_by_the_month_of_as_of_where_there_is_no_other(story: Story) -> None:
    assert story.lines[1, "late"] == {MARCH: [("client_terms", Decimal("100.00"))]}
    assert story.lines[2, "late"] == {
        MARCH: [("client_terms", Decimal("100.00"))],
        APRIL: [("adjustment", Decimal("50.00"))],
    }
    assert story.restatements("late") == [("CLK-late-b", 0, 1800, Decimal("50.00"))]


def test_a_negative_bill_is_a_credit_note_set_off_against_what_it_restates(story: Story) -> None:
    assert _adjustments(story.lines[2, "gone"]) == {APRIL: [Decimal("-100.00")]}
    note = story.issue("gone", APRIL)
    assert (note.kind, note.total, note.open, note.corrects_invoice_id) == (
        "credit_note",
        Decimal("-110.00"),
        ZERO,
        None,
    )
    with story.connect() as connection:
        march = read_invoice(connection, story.invoices["gone", MARCH].id)
        assert (march.status, march.open, march.is_credited) == ("paid", ZERO, False)
        assert not issue(connection, "gone", APRIL, actor="ada", today=TODAY).is_new
        with pytest.raises(InvoicingError, match="is a credit note and stays"):
            cancel(connection, note.number, actor="ada", today=TODAY, reason="x")
    [line] = story.project.rows(
        f"select quantity, unit_price, line_total from billing.invoice_line_items where invoice_id = '{note.id}'"
    )
    assert tuple(line.values()) == (-1, 100, -100)


def test_a_changed_rate_and_a_changed_fixed_amount_are_differences(story: Story) -> None:
    assert story.lines[2, "repriced"][MARCH] == [("fixed_line", Decimal("50.00")), ("client_terms", Decimal("100.00"))]
    assert _adjustments(story.lines[2, "repriced"]) == {APRIL: [Decimal("-4.50"), Decimal("20.00")]}
    assert sorted(amount for *_, amount in story.restatements("repriced")) == [Decimal("-4.50"), Decimal("20.00")]


def test_what_moved_to_another_client_is_taken_back_from_one_and_billed_to_the_other(story: Story) -> None:
    assert _adjustments(story.lines[2, "mover"]) == {APRIL: [Decimal("-200.00")]}
    assert _adjustments(story.lines[2, "taker"]) == {APRIL: [Decimal("200.00")]}


def test_a_credited_month_is_billed_whole_again_less_what_was_adjusted(story: Story) -> None:
    assert _adjustments(story.lines[2, "credited"]) == {APRIL: [Decimal("50.00")]}
    assert story.lines[4, "credited"] == {
        MARCH: [("client_terms", Decimal("150.00")), ("adjustment", Decimal("-50.00"))],
        APRIL: [("client_terms", Decimal("100.00")), ("adjustment", Decimal("50.00"))],
    }
    again = story.issue("credited", MARCH)
    assert again.subtotal == Decimal("100.00")


def test_complaint_12_a_void_frees_the_adjustments_that_it_carried(story: Story) -> None:
    assert story.lines[4, "freed"] == {
        MARCH: [("client_terms", Decimal("100.00"))],
        APRIL: [("client_terms", Decimal("100.00")), ("adjustment", Decimal("50.00"))],
    }
    assert len(story.restatements("freed")) == 1, "it is no new restatement"
    again = story.issue("freed", APRIL)
    assert again.subtotal == Decimal("150.00")
    assert (
        story.project.value(
            "select count(*) from billing.settled_restatements as s inner join billing.restatements as r"
            f" on s.restatement_id = r.id where r.invoice_id = '{story.invoices['freed', MARCH].id}'"
        )
        == 2
    ), "the canceled invoice keeps what it settled"


def test_an_edit_after_its_adjustment_was_invoiced_is_adjusted_by_the_bill_after_that(story: Story) -> None:
    assert story.restatements("again") == [
        ("CLK-again-a", 3600, 5400, Decimal("50.00")),
        ("CLK-again-a", 5400, 3600, Decimal("-50.00")),
    ]
    assert _adjustments(story.lines[4, "again"]) == {APRIL: [Decimal("50.00")], MAY: [Decimal("-50.00")]}


def test_a_bill_that_adds_up_to_nothing_is_issued_on_request(story: Story) -> None:
    assert _adjustments(story.lines[2, "zero"]) == {APRIL: [Decimal("-20.00"), Decimal("20.00")]}
    with pytest.raises(InvoicingError, match="--allow-zero"):
        story.issue("zero", APRIL)
    assert story.issue("zero", APRIL, allow_zero=True).subtotal == 0


def test_seconds_that_rounding_hides_change_no_bill(story: Story) -> None:
    for step in (1, 2, 4):
        assert story.lines[step, "rounded"] == {MARCH: [("billing_rule", Decimal("200.00"))]}
    assert story.restatements("rounded") == []


def test_a_bill_of_before_the_last_decision_is_refused(story: Story) -> None:
    """Its adjustments were worked out while the invoice that they correct was live."""
    with story.connect() as connection:
        cancel(connection, story.invoices["late", MARCH].number, actor="bob", today=TODAY, reason="x")
        with pytest.raises(
            InvoicingError,
            match=r"What is invoiced for 2026-03 has changed since the bill of late, 2026-04, EUR was built",
        ):
            issue(connection, "late", APRIL, actor="ada", today=TODAY, accept=["month_not_over"])
        assert record(connection) == 0, "it is left to the next build"


def test_all_tests_hold_after_it(story: Story) -> None:
    with story.connect() as connection:
        pay(connection, story.invoices["again", MARCH].number, Decimal(60), actor="ada@example.com", today=TODAY)
    story.build(with_tests=True)
    assert _adjustments(story.lines[5, "late"]) == {}
    assert story.lines[5, "late"] == {MARCH: [("client_terms", Decimal("150.00"))]}
    waterfall = story.project.rows(
        "select month, accrued_amount, adjustment_amount, invoiced_total, open_amount, paid_amount, invoice_number"
        " from reports.invoice_waterfall where client = 'again' order by month"
    )
    assert [tuple(row.values())[1:6] for row in waterfall] == [
        (Decimal("100.00"), 0, Decimal("110.00"), Decimal("50.00"), Decimal("60.00")),
        (Decimal("150.00"), Decimal("50.00"), Decimal("165.00"), Decimal("165.00"), 0),
        (Decimal("-50.00"), Decimal("-50.00"), 0, 0, 0),
    ]
    [paid] = story.project.rows(
        "select actor, actor_email, meta from marts.audit_logs where action = 'pay_invoice'"
        f" and entity_id = '{story.invoices['again', MARCH].id}'"
    )
    assert (paid["actor"], paid["meta"]["amount"]) == ("ada@example.com", "60.00")
