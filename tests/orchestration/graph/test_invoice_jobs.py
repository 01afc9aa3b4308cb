"""The jobs on invoices: the same decisions as on the command line, from a typed config."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from orchestration.graph.invoices import JOBS, RESOURCE, Decisions
from orchestration.settings import Settings
from tests.invoicing.books import TODAY, Books


def _run(books: Books, job: str, **config: Any) -> dg.ExecuteInProcessResult:
    [definition] = [one for one in JOBS if one.name == job]
    [op] = [node.name for node in definition.nodes]
    settings = Settings(profile="sandbox", home=Path("nowhere"), as_of=TODAY)
    places: Any = SimpleNamespace(warehouse=books.warehouse, settings=settings)
    return definition.execute_in_process(
        run_config={"ops": {op: {"config": {"actor": "ada", **config}}}},
        resources={RESOURCE: Decisions(places)},
        raise_on_error=False,
    )


def _shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [handled] = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return {name: value.value for name, value in handled.event_specific_data.metadata.items()}  # type: ignore[union-attr]


def test_a_month_is_issued_paid_credited_and_canceled_from_the_launchpad(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    issued = _run(books, "issue_invoice", client=client, month="2026-06", expect=books.hash(client))
    first = _shown(issued)
    assert (first["is_new"], first["total"], first["status"]) == (True, "1000.00 USD", "sent")
    again = _shown(_run(books, "issue_invoice", client=client, month="2026-06"))
    assert (again["number"], again["is_new"]) == (first["number"], False)
    paid = _shown(_run(books, "record_payment", number=first["number"], amount="999.00", reference="R1"))
    assert paid["open"] == "1.00 USD"
    given_up = _shown(_run(books, "write_off_invoice", number=first["number"], amount="1", reason="bank fee"))
    assert given_up["open"] == "0.00 USD"
    for job, is_new in (("dispute_invoice", True), ("end_dispute", True), ("end_dispute", False)):
        assert _shown(_run(books, job, number=first["number"], reason="hours"))["is_new"] is is_new
    refused = _run(books, "cancel_invoice", number=first["number"], reason="typo")
    assert not refused.success
    note = _shown(_run(books, "credit_invoice", number=first["number"], reason="wrong rate"))
    assert note["total"] == "-1000.00 USD"
    second = _shown(_run(books, "issue_invoice", client=client, month="2026-06"))
    assert second["is_new"]
    assert _shown(_run(books, "cancel_invoice", number=second["number"], reason="typo"))["status"] == "canceled"
    actors = books.rows("select distinct actor from billing.invoice_events")
    assert actors == [("ada",)]


def test_deposits_are_matched_applied_and_taken_back_from_the_launchpad(books: Books) -> None:
    client = books.client()
    books.prefill(client, totals=["70.00"])
    number = _shown(_run(books, "issue_invoice", client=client, month="2026-06"))["number"]
    deposit, other = books.deposit("50.00", f"{number}"), books.deposit("60.00", "TRF")
    shown = _shown(_run(books, "match_deposits"))
    assert (shown["matched"], shown["waiting"], shown["taken_back"]) == (0, 2, [])
    applied = _shown(_run(books, "apply_deposit", deposit=deposit, numbers=[number]))
    assert applied["open"] == {number: "20.00 USD"}
    refused = _run(books, "apply_deposit", deposit=other, numbers=[number, number])
    assert not refused.success
    undone = _shown(_run(books, "undo_payment", payment=applied["payment"], reason="of another client"))
    assert undone["open_again"] == [number]


def test_a_refusal_is_one_sentence_and_not_tried_again(books: Books) -> None:
    result = _run(books, "issue_invoice", client="Nobody", month="2026-06")
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "There is no client Nobody" in str(failure.event_specific_data)


@pytest.mark.parametrize(
    ("job", "config", "said"),
    [
        ("record_payment", {"number": "X", "amount": "ten"}, "ten is no amount; write it like 1234.50"),
        ("record_payment", {"number": "X", "amount": "1", "method": "gold"}, "method"),
        ("cancel_invoice", {"number": "X", "reason": ""}, "reason"),
        ("issue_invoice", {"client": "X", "month": "2026-06", "actor": ""}, "actor"),
        ("issue_invoice", {"client": "X", "month": "2026-06", "issue_date": "30.6."}, "30.6. is not a date"),
        ("issue_invoice", {"client": "X", "month": "June"}, "June is no month; write it like 2026-06"),
    ],
)
def test_what_is_wrong_in_a_config_is_said(books: Books, job: str, config: dict[str, Any], said: str) -> None:
    result = _run(books, job, **config)
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert said in str(failure.event_specific_data)
