"""Deliveries through each channel: what arrives, what is refused, and what a fault on the way leaves behind."""

import base64
import hashlib
import re
import socket
import threading
from datetime import date
from pathlib import Path

import orjson
import pytest

from invoicing.delivery.codes import Codes
from invoicing.delivery.didox import hand_in, keep_to_sign
from invoicing.delivery.dispatch import Delivery, deliver, list_deliveries, settle_unknown
from invoicing.delivery.mail import MailChannel, MailServer, compose, message_id
from invoicing.delivery.planfact import PlanFactChannel
from invoicing.delivery.port import Channel, ChannelName, RefusedError
from invoicing.delivery.storage import StorageChannel
from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit
from invoicing.paper.documents import read_document
from invoicing.records import Invoice
from tests.invoicing.books import TODAY, Books
from tests.invoicing.delivery.outside import SENDER, Outside

ADDRESS = "books@client.example"


def _issued(books: Books, *, email: str | None = ADDRESS) -> Invoice:
    client = books.client()
    books.change("update marts.clients set contact_email = %s where id = %s", (email, client))
    books.prefill(client, totals=["1000.00", "0.03"], tax_rate="0.2")
    return books.issued(client).invoice


def _deliver(books: Books, invoice: Invoice, channel: Channel, *, again: bool = False) -> Delivery:
    with books.connect() as connection:
        return deliver(connection, invoice.number, channel, actor="ada", again=again)


def _channel(outside: Outside, name: ChannelName) -> Channel:
    channels: dict[ChannelName, Channel] = {
        "email": outside.mail,
        "storage": outside.object_store,
        "accounting": outside.planfact,
        "e_document": outside.didox,
    }
    return channels[name]


def test_an_e_mail_brings_the_stored_pdf_once(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    first, second = (_deliver(books, invoice, outside.mail) for _ in range(2))
    assert (first.state, first.target, first.id) == ("delivered", ADDRESS, second.id)
    [mail] = outside.mails(invoice.number)
    assert mail["Subject"] == f"Invoice {invoice.number} from Lanternworks"
    assert (str(mail["From"]), str(mail["To"])) == (SENDER, ADDRESS)
    assert mail["Message-ID"] == first.external_id
    body = mail.get_body()
    assert body is not None
    assert f"our invoice {invoice.number} over 1,200.04 USD" in body.get_content()
    [paper] = [part for part in mail.iter_attachments() if part.get_content_type() == "application/pdf"]
    with books.connect() as connection:
        stored = read_document(connection, invoice.number, "pdf")
    assert stored is not None
    assert paper.get_filename() == stored.file_name
    assert hashlib.sha256(paper.get_content()).hexdigest() == stored.sha256


def test_the_current_address_counts_and_a_client_without_one_is_named(books: Books, outside: Outside) -> None:
    invoice = _issued(books, email=None)
    with pytest.raises(InvoicingError, match=r"Client \d+ Ltd has no e-mail address; fill in email in client_contacts"):
        _deliver(books, invoice, outside.mail)
    books.change("update marts.clients set email = 'new@client.example' where id = %s", (invoice.client_id,))
    assert _deliver(books, invoice, outside.mail).target == "new@client.example"


@pytest.mark.parametrize("address", ["x", "a@b@c", "x@y\r\nBcc: z@z.example", "имя@client.example", "@client.example"])
def test_what_is_no_address_is_refused_before_anything_leaves(books: Books, outside: Outside, address: str) -> None:
    invoice = _issued(books, email=address)
    with pytest.raises(InvoicingError, match="no e-mail address"):
        _deliver(books, invoice, outside.mail)
    assert not outside.mails(invoice.number)


def test_a_hostile_name_starts_no_header(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    hostile = "Evil\r\nBcc: spy@evil.example\r\n\r\n{number} <b>x</b> \u202e"
    message = compose(SENDER, ADDRESS, f"Invoice from {hostile}", hostile, "key")
    headers, _, _ = message.as_bytes().partition(b"\n\n")
    assert not re.search(rb"^bcc:", headers.replace(b"\r", b""), re.MULTILINE | re.IGNORECASE)
    assert message_id(SENDER, "key") == message_id(SENDER, "key") != message_id(SENDER, "other")
    assert invoice.number


@pytest.mark.parametrize(
    ("fault", "state", "sent"),
    [
        ({"kind": "status", "method": "RCPT", "status": 550}, "failed", 0),
        ({"kind": "status", "method": "RCPT", "status": 451}, "failed", 0),
        ({"kind": "status", "method": "DATA", "status": 452}, "failed", 0),
        ({"kind": "status", "method": "DATA", "status": 554}, "failed", 0),
        ({"kind": "disconnect", "method": "RCPT"}, "failed", 0),
        ({"kind": "disconnect", "method": "DATA"}, "unknown", 0),
        ({"kind": "truncate", "method": "DATA"}, "unknown", 1),
    ],
)
def test_complaint_13_no_mail_is_sent_twice(
    books: Books, outside: Outside, fault: dict[str, object], state: str, sent: int
) -> None:
    invoice = _issued(books)
    outside.fails("email", **fault)
    delivery = _deliver(books, invoice, outside.mail)
    assert delivery.state == state
    assert len(outside.mails(invoice.number)) == sent
    is_temporary = fault.get("status") in (451, 452) or (fault["kind"], state) == ("disconnect", "failed")
    assert (delivery.next_attempt_at is not None) == is_temporary
    # A second call sends what has certainly not left, and nothing of which nobody knows.
    again = _deliver(books, invoice, outside.mail)
    assert again.id == delivery.id
    assert again.state == ("delivered" if state == "failed" else "unknown")
    assert len(outside.mails(invoice.number)) == 1 if state == "failed" or sent else not outside.mails(invoice.number)


def test_what_is_unknown_is_settled_or_sent_again_by_a_person(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    outside.fails("email", kind="disconnect", method="DATA")
    unknown = _deliver(books, invoice, outside.mail)
    with books.connect() as connection:
        with pytest.raises(InvoicingError, match="has left the house"):
            cancel(connection, invoice.number, actor="ada", today=TODAY, reason="wrong")
        assert settle_unknown(connection, unknown.id, arrived=True, actor="ada").state == "delivered"
        with pytest.raises(InvoicingError, match="is delivered; only of what is unknown"):
            settle_unknown(connection, unknown.id, arrived=False, actor="ada")
    second = _deliver(books, invoice, outside.mail, again=True)
    assert second.id != unknown.id
    assert second.state == "delivered"
    [mail] = outside.mails(invoice.number)
    assert mail["Message-ID"] == second.external_id
    with books.connect() as connection:
        assert [one.state for one in list_deliveries(connection, invoice.number)] == ["delivered", "delivered"]


def test_a_server_that_is_not_there_or_takes_no_login(books: Books) -> None:
    invoice = _issued(books)
    nowhere = MailChannel(MailServer("smtp://127.0.0.1:9", SENDER))
    delivery = _deliver(books, invoice, nowhere)
    assert delivery.state == "failed"
    assert delivery.next_attempt_at is not None
    assert delivery.last_error is not None
    assert "SMTP server 127.0.0.1:9 cannot be reached" in delivery.last_error


def test_a_login_that_is_refused_names_the_setting_and_shows_no_password(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    url = outside.mailbox.url.replace("smtp://", "smtp://me:pa%40ss@")
    delivery = _deliver(books, invoice, MailChannel(MailServer(url, SENDER)))
    assert delivery.state == "failed"
    assert "SMTP_DSN" in str(delivery.last_error)
    assert "pa@ss" not in str(delivery.last_error)


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_documents_are_stored_once_under_a_name_of_their_content(books: Books, outside: Outside, kind: str) -> None:
    invoice = _issued(books)
    channel = outside.storage if kind == "folder" else outside.object_store
    first = _deliver(books, invoice, channel)
    assert first.state == "delivered"
    with books.connect() as connection:
        stored = read_document(connection, invoice.number, "pdf")
    assert stored is not None
    name = f"2026/{invoice.number}-{stored.sha256[:8]}.pdf"
    assert first.external_id == name
    second = _deliver(books, invoice, channel, again=True)
    assert (second.state, second.external_id) == ("delivered", name)
    if kind == "folder":
        assert Path(outside.files, name).read_bytes() == stored.content
        Path(outside.files, name).write_bytes(b"somebody else's")
        third = _deliver(books, invoice, channel, again=True)
        assert third.state == "failed"
        assert f"has another file named {name}" in str(third.last_error)
    else:
        lines = (outside.server.folder / "s3" / "objects.jsonl").read_bytes().splitlines()
        [held] = [one for one in map(orjson.loads, lines) if one["name"].endswith(name)]
        assert base64.b64decode(held["content"]) == stored.content


def test_a_store_that_refuses_or_is_not_there(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    outside.fails("storage", kind="status", status=403)
    refused = _deliver(books, invoice, outside.object_store)
    assert (refused.state, refused.next_attempt_at) == ("failed", None)
    nowhere = StorageChannel("s3://bucket/x", {"endpoint": "http://127.0.0.1:9", "access_key_id": "a", "region": "auto",
                                               "secret_access_key": "b"})  # fmt: skip
    failed = _deliver(books, invoice, nowhere, again=True)
    assert failed.state == "failed"
    assert failed.next_attempt_at is not None


def test_a_planned_income_is_created_once(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    first = _deliver(books, invoice, outside.planfact)
    assert (first.state, first.target) == ("delivered", "101/201")
    _deliver(books, invoice, outside.planfact, again=True)
    [operation] = outside.operations(invoice.id)
    assert str(operation["operationId"]) == first.external_id
    shown = {name: operation[name] for name in ("value", "operationDate", "isCommitted", "accountId", "contrAgentId")}
    assert shown == {
        "value": 1200.04,
        "operationDate": str(date(2026, 8, 9)),
        "isCommitted": False,
        "accountId": 201,
        "contrAgentId": 101,
    }


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"kind": "status", "status": 429, "path": "income"}, "failed"),
        ({"kind": "status", "status": 500, "path": "income"}, "unknown"),
        ({"kind": "disconnect", "path": "income"}, "unknown"),
        ({"kind": "html", "status": 200, "path": "income"}, "unknown"),
        ({"kind": "status", "status": 500, "method": "GET"}, "failed"),
        ({"kind": "disconnect", "method": "GET"}, "failed"),
        ({"kind": "status", "status": 401}, "failed"),
        ({"kind": "truncate", "path": "income"}, "unknown"),
    ],
)
def test_planfact_in_trouble_creates_no_second_income(
    books: Books, outside: Outside, fault: dict[str, object], state: str
) -> None:
    invoice = _issued(books)
    outside.fails("accounting", **fault)
    assert _deliver(books, invoice, outside.planfact).state == state
    assert _deliver(books, invoice, outside.planfact, again=True).state == "delivered"
    assert len(outside.operations(invoice.id)) == 1


def test_planfact_says_no_with_status_200(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    wrong = Codes("planfact", {**outside.planfact.codes.known, ("account", "usd"): "999"})
    delivery = _deliver(books, invoice, PlanFactChannel(outside.planfact.api_key, wrong, outside.planfact.base_url))
    assert delivery.state == "failed"
    assert "PlanFact refuses: accountId is wrong" in str(delivery.last_error)


def test_a_code_that_is_missing_is_named(outside: Outside) -> None:
    codes = Codes("planfact", {("client", "c1"): "x1"})
    with pytest.raises(RefusedError, match="add a row planfact,account,EUR,CODE"):
        codes.code("account", "EUR")
    with pytest.raises(RefusedError, match=r"the code x1 of planfact for client C1 .* is no number"):
        codes.number("client", "C1")
    assert outside.planfact.codes.number("client", "none", "C0001") == 101


def test_a_draft_is_signed_by_a_person(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    with books.connect() as connection, pytest.raises(InvoicingError, match="has no draft in Didox"):
        keep_to_sign(connection, outside.didox, invoice.number)
    draft = _deliver(books, invoice, outside.didox)
    assert draft.state == "delivered"
    with books.connect() as connection:
        to_sign = keep_to_sign(connection, outside.didox, invoice.number)
        document = orjson.loads(base64.b64decode(to_sign))
        products = document["ProductList"]["Products"]
        assert [one["TotalSum"] for one in products] == ["1200.00", "0.04"]
        assert sum(float(one["VatSum"]) for one in products) == pytest.approx(float(invoice.tax))
        # Kept: Didox is not asked again.
        outside.fails("e_document", kind="status", status=500, times=0)
        assert keep_to_sign(connection, outside.didox, invoice.number) == to_sign
        with pytest.raises(InvoicingError, match="is not signed: Didox answers 500"):
            hand_in(connection, outside.didox, invoice.number, b"c2lnbmF0dXJl", actor="ada")
        outside.server.faults.clear()
        outside.fails("e_document", kind="disconnect", path="/sign$")
        with pytest.raises(InvoicingError, match=r"may be signed or not: .*; look in Didox"):
            hand_in(connection, outside.didox, invoice.number, b"c2lnbmF0dXJl", actor="ada")
        with pytest.raises(InvoicingError, match="is not base64"):
            hand_in(connection, outside.didox, invoice.number, "подпись".encode(), actor="ada")
        hand_in(connection, outside.didox, invoice.number, b"c2lnbmF0\ndXJl\n", actor="ada")
        with pytest.raises(InvoicingError, match="was signed on"):
            hand_in(connection, outside.didox, invoice.number, b"x", actor="ada")
    record = outside.server.data("didox").find("documents", str(draft.external_id))
    assert record is not None
    assert (record.value["doc_status"], record.value["signature"]) == (1, "c2lnbmF0dXJl")


def test_didox_in_trouble(books: Books, outside: Outside) -> None:
    invoice = _issued(books)
    outside.fails("e_document", kind="disconnect", path="auth")
    assert _deliver(books, invoice, outside.didox).state == "failed"
    outside.fails("e_document", kind="disconnect", path="create")
    assert _deliver(books, invoice, outside.didox).state == "unknown"


@pytest.mark.parametrize("name", ["accounting", "e_document"])
def test_a_credit_note_is_entered_there_by_hand_and_mailed(books: Books, outside: Outside, name: ChannelName) -> None:
    invoice = _issued(books)
    with books.connect() as connection:
        note = credit(connection, invoice.number, actor="ada", today=TODAY, reason="wrong").invoice
    with pytest.raises(InvoicingError, match="credit note"):
        _deliver(books, note, _channel(outside, name))
    assert _deliver(books, note, outside.mail).state == "delivered"
    [mail] = outside.mails(note.number)
    body = mail.get_body()
    assert body is not None
    assert f"It corrects our invoice {invoice.number}." in body.get_content()


@pytest.mark.parametrize("name", ["email", "storage", "accounting", "e_document"])
def test_a_canceled_invoice_leaves_by_no_channel(books: Books, outside: Outside, name: ChannelName) -> None:
    invoice = _issued(books)
    with books.connect() as connection:
        cancel(connection, invoice.number, actor="ada", today=TODAY, reason="wrong")
    with pytest.raises(InvoicingError, match="is canceled and is not sent"):
        _deliver(books, invoice, _channel(outside, name))


@pytest.mark.parametrize(("greeting", "is_due"), [(b"", True), (b"421 Busy\r\n", True), (b"554 No\r\n", False)])
def test_a_server_that_hangs_up_or_is_busy_is_tried_again(books: Books, greeting: bytes, is_due: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        server = MailServer(f"smtp://127.0.0.1:{listener.getsockname()[1]}", SENDER)
        delivery = _deliver(books, _issued(books), MailChannel(server))
        thread.join()
    assert delivery.state == "failed"
    assert (delivery.next_attempt_at is not None) is is_due, delivery.last_error
