"""The report on a contract's period: what it says, and that it is recorded once."""

import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from invoicing.contract_reports import Report, compose, due, record, state
from invoicing.errors import InvoicingError
from orchestration.commands.cli import main
from orchestration.settings import Settings
from tests.invoicing.books import TODAY, Books

_TABLES = """
    create table marts.contracts (id text, name text, contract_number text, notification_email text);
    create table marts.contract_periods (
        id text, contract_id text, client_id text, period_start date, period_end date, allocated_hours numeric(14, 6),
        used_hours numeric(14, 6), overage_hours numeric(14, 6), remaining_hours numeric(14, 6),
        overage_rate numeric(12, 4), total_overage_amount numeric(14, 2)
    );
    create table marts.developers (id text, name text);
    create table intermediate.int_billing__contract_allocations (
        contract_period_id text, time_entry_id text, developer_id text, local_date date, part text, seconds bigint
    );
    create table reports.contract_reports_due (
        contract_period_id text, client text, contract text, period_start date, period_end date, due_on date,
        notification_email text, used_hours numeric(14, 6), overage_hours numeric(14, 6)
    );
    alter table marts.clients add currency text default 'USD';
    alter table marts.time_entries add issue_key text;
    insert into marts.developers values ('DEV-1', 'Ada Byron');
"""


@pytest.fixture(scope="module", autouse=True)
def tables(books: Books) -> None:
    """What the models would have made."""
    books.change(_TABLES)


def _period(
    books: Books, name: str, *descriptions: str, email: str | None = "ann@example.com", contract: str = "Care"
) -> str:
    """A period of 1 hour included; each description is an entry of 40 minutes."""
    period = f"PER-{name}"
    client = books.client()
    used = 2400 * len(descriptions)
    beyond = max(used - 3600, 0)
    books.change("insert into marts.contracts values (%s, %s, %s, %s)", (f"CON-{name}", contract, f"K-{name}", email))
    books.change(
        "insert into marts.contract_periods values (%s, %s, %s, '2026-05-24', '2026-06-23', 1, %s / 3600.0,"
        " %s / 3600.0, %s / 3600.0, 90, round(%s / 40.0, 2))",
        (period, f"CON-{name}", client, used, beyond, max(3600 - used, 0), beyond),
    )
    left = 3600
    for number, description in enumerate(descriptions, 1):
        entry = f"TIM-{name}-{number}"
        books.change(
            "insert into marts.time_entries (id, description, local_date) values (%s, %s, '2026-06-01')",
            (entry, description),
        )
        for part, seconds in (("included", min(2400, left)), ("overage", 2400 - min(2400, left))):
            if seconds:
                books.change(
                    "insert into intermediate.int_billing__contract_allocations"
                    " values (%s, %s, 'DEV-1', '2026-06-01', %s, %s)",
                    (period, entry, part, seconds),
                )
        left -= min(2400, left)
    books.change(
        "insert into reports.contract_reports_due values (%s, 'Acme', %s, '2026-05-24', '2026-06-23', '2026-06-24', %s,"
        " %s / 3600.0, %s / 3600.0)",
        (period, contract, email, used, beyond),
    )
    return period


def _compose(books: Books, period: str) -> Report:
    with books.connect() as connection:
        return compose(connection, period)


def test_a_report_has_hours_used_overage_and_the_work(books: Books) -> None:
    period = _period(books, "00000001", "Backups", "Restore")
    report = _compose(books, period)
    assert report.recipient == "ann@example.com"
    assert report.subject == "Care: hours from 2026-05-24 to 2026-06-23"
    for part in (
        "Hours included: 1:00:00",
        "Hours used: 1:20:00",
        "Hours left, which expire: 0:00:00",
        "Hours beyond: 0:20:00",
        "Price of the hours beyond: 30.00 USD at 90 an hour",
        "0:40:00  Ada Byron, Backups\n",
        "0:40:00  Ada Byron, Restore (0:20:00 beyond)\n",
    ):
        assert part in report.text, part
    assert "Ada Byron, Restore (0:20:00 beyond)" in report.html
    # The same report is the same bytes, and both of its parts arrive.
    assert report.message == _compose(books, period).message
    message = message_from_bytes(report.message, policy=default)
    body, page = message.get_body(("plain",)), message.get_body(("html",))
    assert body is not None
    assert page is not None
    assert "Hours used: 1:20:00" in body.get_content()
    assert page.get_content().startswith("<!doctype html>")
    assert message["Message-ID"] == f"<contract-report.{period}@workledger>"


def test_hostile_text_stays_text(books: Books) -> None:
    name = "<b>Care</b>\r\nBcc: all@example.com"
    hostile = "<script>alert(1)</script> {{ 7*7 }} \u202e" + "x" * 10_000
    report = _compose(books, _period(books, "00000002", hostile, contract=name))
    assert "<script>" not in report.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }} " in report.html
    assert "\u202e" not in report.html
    assert len(report.html) < 3_000
    message = message_from_bytes(report.message, policy=default)
    assert message["Bcc"] is None
    assert message["Subject"].startswith("<b>Care</b> Bcc: all@example.com: hours from")


def test_a_report_is_recorded_once(books: Books) -> None:
    period = _period(books, "00000003", "Backups")
    report = _compose(books, period)
    with books.connect() as connection:
        assert state(connection, period) is None
        assert record(connection, report)
        assert not record(connection, report)
        assert state(connection, period) == "delivered"
        assert period in {one.contract_period_id for one in due(connection)}
    assert books.rows(
        "select recipient, sha256, state, sent_at is not null from billing.contract_reports"
        " where contract_period_id = %s",
        (period,),
    ) == [("ann@example.com", report.sha256, "delivered", True)]


def test_what_cannot_be_reported_is_said(books: Books) -> None:
    with pytest.raises(InvoicingError, match="There is no contract period PER-0"):
        _compose(books, "PER-0")
    with pytest.raises(InvoicingError, match=r"Contract Care of Client .* Ltd has no notification_email"):
        _compose(books, _period(books, "00000004", "Backups", email=None))


@pytest.fixture
def settings(books: Books, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to write to."""
    made = Settings(profile="sandbox", home=tmp_path, as_of=TODAY)
    monkeypatch.setattr("orchestration.commands.cli._settings", lambda: made)
    monkeypatch.setattr("orchestration.commands.decisions.open_warehouse", lambda *_: books.warehouse)
    return tmp_path / "out"


def test_reports_are_written_into_a_folder_and_marked_as_sent(
    books: Books, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    period = _period(books, "00000005", "Backups")

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["workledger", "report", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        return capsys.readouterr().out

    assert period in run("due")
    assert "is the report to ann@example.com: Care: hours from" in run("send", period, "--into", str(settings))
    written = (settings / f"{period}.eml").read_bytes()
    assert written == _compose(books, period).message
    assert run("send", period, "--into", str(settings)) == f"The report on {period} was sent before.\n"
