"""Gotenberg: what it is sent, field by field, and what is said when it does not print."""

import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from invoicing.errors import InvoicingError
from invoicing.issuing import cancel
from invoicing.paper.documents import read_document
from invoicing.paper.html import render
from invoicing.paper.making import complete, unprinted
from invoicing.paper.printing import Printer, print_pdf, probe
from tests.invoicing.books import JUNE, TODAY, Books
from tests.invoicing.paper.papers import contents


class Gotenberg:
    """Answers as Gotenberg 8 does, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = b"%PDF-1.7 from Gotenberg"
        self.health: tuple[int, bytes] = (200, b'{"status":"up","details":{"chromium":{"status":"up"}}}')
        self.requests: list[tuple[str, Any, dict[str, str], dict[str, tuple[bytes, str]]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/health"
                self._send(*outer.health)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
                fields, files = {}, {}
                for part in message.iter_parts():
                    content = part.get_payload(decode=True)
                    assert isinstance(content, bytes)
                    name = part.get_param("name", header="content-disposition")
                    if part.get_filename() is None:
                        fields[str(name)] = content.decode()
                    else:
                        assert name == "files"
                        files[str(part.get_filename())] = (content, part.get_content_type())
                outer.requests.append((self.path, self.headers, fields, files))
                self._send(outer.status, outer.answer)

            def _send(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.printer = Printer(gotenberg_url=f"http://127.0.0.1:{self.server.server_port}/")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def gotenberg() -> Iterator[Gotenberg]:
    made = Gotenberg()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_the_multipart_is_what_gotenberg_takes(gotenberg: Gotenberg) -> None:
    shown = contents(paper_size="Letter")
    page = render(shown, "document", None)
    printed = print_pdf(gotenberg.printer, page, shown, "document")
    assert (printed.content, printed.renderer) == (b"%PDF-1.7 from Gotenberg", "gotenberg")
    [(path, headers, fields, files)] = gotenberg.requests
    assert path == "/forms/chromium/convert/html"
    assert headers["Gotenberg-Trace"] == "INV-aaaaaaaa-document"
    assert headers["Gotenberg-Output-Filename"] == "document"
    assert fields.pop("metadata") == json.dumps(
        {
            "Title": "Invoice LW-2026-0001",
            "Author": "Lanternworks",
            "CreationDate": "2026-09-30T00:00:00Z",
            "ModDate": "2026-09-30T00:00:00Z",
        }
    )
    assert fields == {
        "preferCssPageSize": "true",
        "printBackground": "true",
        "paperWidth": "8.5",
        "paperHeight": "11",
        "marginTop": "0.63",
        "marginBottom": "0.79",
        "marginLeft": "0.63",
        "marginRight": "0.63",
    }
    assert set(files) == {"index.html", "footer.html", "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"}
    index = files["index.html"][0].decode()
    # Its own footer counts the pages; margin boxes would say it twice.
    assert "margin-boxes" not in index
    assert "counter(page)" not in index
    body = page.index("<body>")
    assert index[index.index("<body>") :] == page[body:]
    footer = files["footer.html"][0].decode()
    assert 'Page <span class="pageNumber"></span> of <span class="totalPages"></span>' in footer
    assert "Invoice LW-2026-0001" in footer


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (400, b"Invalid form data: no 'index.html'", r"refused the document \(400\): Invalid form data"),
        (503, b"", r"busy or took too long \(503\); try again"),
        (500, b"Internal Server Error", r"refused the document \(500\)"),
        (200, b"<html>a portal</html>", "answers without a PDF"),
    ],
)
def test_what_it_refuses_is_one_sentence(gotenberg: Gotenberg, status: int, answer: bytes, said: str) -> None:
    gotenberg.status, gotenberg.answer = status, answer
    with pytest.raises(InvoicingError, match=said):
        print_pdf(gotenberg.printer, "<p>", contents(), "document")


def test_no_answer_is_one_sentence() -> None:
    with pytest.raises(InvoicingError, match=r"does not answer \(ConnectionError\)"):
        print_pdf(Printer(gotenberg_url="http://127.0.0.1:9"), "<p>", contents(), "document")


def test_the_doctor_asks_for_its_health(gotenberg: Gotenberg) -> None:
    assert probe(gotenberg.printer) == "Gotenberg at GOTENBERG_URL is up"
    gotenberg.health = (503, b'{"status":"down"}')
    with pytest.raises(InvoicingError, match="says that it is down"):
        probe(gotenberg.printer)
    gotenberg.health = (200, b"hello")
    with pytest.raises(InvoicingError, match="gives no answer of a Gotenberg"):
        probe(gotenberg.printer)
    assert probe(Printer()).startswith("plutoprint ")


def test_an_invoice_is_issued_while_it_is_down_and_printed_later_once(gotenberg: Gotenberg, books: Books) -> None:
    client = books.client()
    books.prefill(client)
    gotenberg.status = 503
    outcome = books.issued(client, printer=gotenberg.printer)
    number = outcome.invoice.number
    assert outcome.unprinted is not None
    assert outcome.is_new
    with books.connect() as connection:
        html = read_document(connection, number, "html")
        assert html is not None
        assert read_document(connection, number, "pdf") is None
        assert (number, "document") in unprinted(connection)
        with pytest.raises(InvoicingError, match="503"):
            complete(connection, number, "document", gotenberg.printer, actor="ada")
        # Prices that change meanwhile change nothing: the stored page is what is printed.
        books.prefill(client, JUNE, totals=["1.00"])
        gotenberg.status = 200
        made = complete(connection, number, "document", gotenberg.printer, actor="ada")
        asked = len(gotenberg.requests)
        assert complete(connection, number, "document", gotenberg.printer, actor="bob") == made
        assert len(gotenberg.requests) == asked, "a stored document is never printed again"
        assert (number, "document") not in unprinted(connection)
        events = connection.execute(
            "select event_type, actor, payload ->> 'kind' from billing.invoice_events where invoice_id = %s"
            " order by id",
            (outcome.invoice.id,),
        ).fetchall()
        assert events == [("issued", "ada", None), ("document_stored", "ada", "pdf")]
        index = gotenberg.requests[-1][3]["index.html"][0].decode()
        stored = html.content.decode()
        assert index[index.index("<body>") :] == stored[stored.index("<body>") :]


def test_canceling_asks_it_too(gotenberg: Gotenberg, books: Books) -> None:
    client = books.client()
    books.prefill(client)
    number = books.issued(client, printer=gotenberg.printer).invoice.number
    with books.connect() as connection:
        outcome = cancel(connection, number, actor="ada", today=TODAY, reason="x", printer=gotenberg.printer)
        assert outcome.unprinted is None
        assert read_document(connection, number, "canceled_pdf") is not None
    assert [one[1]["Gotenberg-Trace"].split("-")[-1] for one in gotenberg.requests] == ["document", "canceled"]
