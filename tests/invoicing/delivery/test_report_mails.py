"""Reports on contracts' periods by e-mail: each arrives once, whatever happens on the way."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from invoicing.contract_reports import Report
from invoicing.delivery.reports import send_report, settle_report
from invoicing.errors import InvoicingError
from tests.invoicing.books import Books
from tests.invoicing.delivery.outside import SENDER, Outside


def _report(name: str, recipient: str = "ann@example.com") -> Report:
    return Report(f"PER-{name}", "Lanternworks", recipient, f"Care {name}", "Hours used: 1:20:00", "<p>1:20:00</p>")


def _send(books: Books, outside: Outside, report: Report) -> str:
    with books.connect() as connection:
        return send_report(connection, report, outside.mail.server)[0]


def _mails(outside: Outside, report: Report) -> list[EmailMessage]:
    messages = [message_from_bytes(one, _class=EmailMessage, policy=default) for one in outside.mailbox.messages()]
    return [one for one in messages if one["Subject"] == report.subject]


def test_a_report_is_sent_once_by_e_mail(books: Books, outside: Outside) -> None:
    report = _report("0000000a")
    assert [_send(books, outside, report) for _ in range(3)] == ["delivered"] * 3
    [mail] = _mails(outside, report)
    assert (mail["From"], mail["To"]) == (SENDER, "ann@example.com")
    body, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert body is not None
    assert page is not None
    assert (body.get_content().strip(), page.get_content().strip()) == ("Hours used: 1:20:00", "<p>1:20:00</p>")
    assert books.rows(
        "select state, sent_at is not null from billing.contract_reports where contract_period_id = %s",
        (report.contract_period_id,),
    ) == [("delivered", True)]


@pytest.mark.parametrize(("method", "state", "sent"), [("RCPT", "failed", 0), ("DATA", "unknown", 0)])
def test_what_breaks_off_is_failed_or_unknown(
    books: Books, outside: Outside, method: str, state: str, sent: int
) -> None:
    report = _report(f"0000000{len(method) + len(state)}")
    outside.fails("email", kind="disconnect", method=method)
    assert _send(books, outside, report) == state
    assert len(_mails(outside, report)) == sent
    # Only what certainly has not left is sent by the next call.
    assert _send(books, outside, report) == ("delivered" if state == "failed" else "unknown")
    if state == "unknown":
        with books.connect() as connection:
            settle_report(connection, report.contract_period_id, arrived=False)
        assert _send(books, outside, report) == "delivered"
    assert len(_mails(outside, report)) == 1
    with books.connect() as connection, pytest.raises(InvoicingError, match="nothing is unknown"):
        settle_report(connection, report.contract_period_id, arrived=True)


def test_an_address_that_is_none_is_refused(books: Books, outside: Outside) -> None:
    report = _report("0000000e", "Ann <ann@example.com>")
    with books.connect() as connection:
        became, why = send_report(connection, report, outside.mail.server)
    assert became == "failed"
    assert "notification_email in contracts.csv) is no e-mail address" in str(why)
    assert not _mails(outside, report)
