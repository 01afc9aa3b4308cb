"""Documents in the same commit as what they document, written once, and never made again."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

import invoicing.migrations
from invoicing.errors import InvoicingError
from invoicing.issuing import cancel, credit, draft_pdf
from invoicing.paper.documents import read_document, read_documents
from invoicing.paper.making import complete, unprinted
from invoicing.paper.printing import Printer
from invoicing.prefills import read_prefill
from orchestration.warehouse.connection import Warehouse
from orchestration.warehouse.embedded import EmbeddedServer
from tests.invoicing.books import JUNE, MAY, TODAY, Books
from tests.invoicing.paper.papers import pages

FOLDER = Path(invoicing.migrations.__file__).parent


def _kinds(books: Books, number: str) -> list[str]:
    with books.connect() as connection:
        return sorted(one.kind for one in read_documents(connection, number))


def test_an_invoice_has_its_documents_in_the_commit_that_issues_it(books: Books) -> None:
    client = books.client()
    books.prefill(client, totals=["601.67", "233.33"], tax_rate="0.19")
    number = books.issued(client, notes="Thank you").invoice.number
    assert _kinds(books, number) == ["html", "pdf"]
    with books.connect() as connection:
        html, pdf = (read_document(connection, number, kind) for kind in ("html", "pdf"))  # type: ignore[arg-type]
    assert html is not None
    assert pdf is not None
    assert pdf.sha256 == hashlib.sha256(pdf.content).hexdigest()
    assert (pdf.file_name, pdf.media_type) == (f"{number}.pdf", "application/pdf")
    assert pdf.renderer.startswith("plutoprint ")
    [text] = pages(pdf.content)
    for part in (
        number,
        "Lanternworks",
        "12 Lantern Street",
        "Client 1 Ltd",
        "Work 1",
        "6:01:00",
        "993.65",
        "Thank you",
    ):
        assert part in text
    assert "Riverbend Bank 5809" in text


def test_a_document_that_cannot_be_made_leaves_no_invoice_and_no_gap(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = books.client()
    books.prefill(client)
    with monkeypatch.context() as broken:
        broken.setattr("invoicing.paper.printing.sys.executable", "/bin/false")
        with pytest.raises(InvoicingError, match="cannot be set"):
            books.issued(client)
    assert books.rows("select count(*) from billing.invoices where client_id = %s", (client,)) == [(0,)]
    numbers = books.rows("select number from billing.invoices where number is not null order by 1")
    books.issued(client)
    assert books.rows("select max(number) from billing.invoices") == [(len(numbers) + 1,)]


def test_a_canceled_invoice_keeps_its_document_and_gets_a_further_one(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    number = books.issued(client).invoice.number
    with books.connect() as connection:
        before = read_document(connection, number, "pdf")
        with pytest.raises(InvoicingError, match="is not canceled"):
            complete(connection, number, "canceled", Printer(), actor="ada")
        cancel(connection, number, actor="ada", today=TODAY, reason="typo")
        assert read_document(connection, number, "pdf") == before
        copy = read_document(connection, number, "canceled_pdf")
    assert copy is not None
    assert copy.file_name == f"{number}-canceled.pdf"
    assert "CANCELED" in pages(copy.content)[0]


def test_the_database_refuses_an_invoice_canceled_without_its_copy(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    sent = books.issued(client).invoice
    with books.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "insert into billing.invoice_events (invoice_id, event_type, actor) values (%s, 'canceled', 'x')",
            (sent.id,),
        )
        connection.execute(
            "update billing.invoices set status = 'canceled', canceled_on = issue_date, canceled_at = now()"
            " where id = %s",
            (sent.id,),
        )
        with pytest.raises(psycopg.errors.CheckViolation, match="lacks its document canceled_html"):
            connection.execute("set constraints all immediate")


def test_a_credit_note_has_a_document_of_its_own(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    number = books.issued(client).invoice.number
    with books.connect() as connection:
        note = credit(connection, number, actor="ada", today=TODAY, reason="Wrong rate").invoice
        pdf = read_document(connection, note.number, "pdf")
    assert pdf is not None
    [text] = pages(pdf.content)
    for part in ("Credit note", number, note.number, "-1,000.00", "Wrong rate"):
        assert part in text


def test_the_appendix_is_made_when_it_is_first_asked_for_and_never_again(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    number = books.issued(client).invoice.number
    with books.connect() as connection:
        appendix = complete(connection, number, "appendix", Printer(), actor="ada")
        books.change("update marts.time_entries set description = 'Changed' where id like %s", (f"%{client}%",))
        assert complete(connection, number, "appendix", Printer(), actor="bob") == appendix
    [text] = pages(appendix.content)
    assert text.count("Wrote it") == 2
    assert "10:00:00" in text
    assert appendix.file_name == f"{number}-appendix.pdf"


def test_the_draft_of_a_bill_is_a_pdf_of_which_nothing_is_kept(books: Books) -> None:
    client = books.client()
    books.prefill(client)
    with books.connect() as connection:
        prefill = read_prefill(connection, client, JUNE)
        [text] = pages(draft_pdf(connection, prefill, Printer()))
        assert "DRAFT, not an invoice" in text
        assert "1,000.00" in text
        assert books.rows("select count(*) from billing.invoices where client_id = %s", (client,)) == [(0,)]
        number = books.issued(client).invoice.number
        with pytest.raises(InvoicingError, match=f"invoiced already; `workledger invoice show {number} --pdf"):
            draft_pdf(connection, prefill, Printer())


SELLER = """
    update intermediate.int_identity__agency
    set street = '12 Lantern Street', city = 'New York', zip_code = '10004', country = 'US', vat_id = 'US123',
        bank_accounts = '{"USD": {"bank": "Riverbend", "account": "5809 1", "bic": "RVBDUS00", "means_code": "30"}}'
"""


@pytest.fixture
def e_client(books: Books) -> str:
    """A client that wants e-invoices, with all cells."""
    client = books.client()
    books.change(SELLER)
    books.change(
        "update marts.clients set e_invoice = true, zip_code = '75001', country = 'FR', language = 'de',"
        " date_format = 'yyyy-MM-dd', paper_size = 'Letter', buyer_reference = 'PO-7' where id = %s",
        (client,),
    )
    return client


def _prefill(books: Books, client: str, **changed: Any) -> None:
    books.prefill(client, **changed)
    books.change("update marts.invoice_prefills set vat_category = 'S' where client_id = %s", (client,))


def test_e_invoices_lie_beside_the_pdf_where_the_client_wants_them(books: Books, e_client: str) -> None:
    _prefill(books, e_client, totals=["601.67", "233.33"], tax_rate="0.19")
    number = books.issued(e_client).invoice.number
    assert _kinds(books, number) == ["cii", "html", "pdf", "ubl"]
    with books.connect() as connection:
        cii, pdf = read_document(connection, number, "cii"), read_document(connection, number, "pdf")
        note = credit(connection, number, actor="ada", today=TODAY, reason="x").invoice
        note_xml = read_document(connection, note.number, "ubl")
    assert cii is not None
    assert pdf is not None
    assert note_xml is not None
    assert (cii.media_type, cii.file_name) == ("application/xml", f"{number}-cii.xml")
    assert f"<ram:ID>{number}</ram:ID>" in cii.content.decode()
    assert "993.65" in cii.content.decode()
    assert number in note_xml.content.decode()
    [text] = pages(pdf.content)
    for part in ("Rechnung", "2026-07-10", "993,65", "PO-7", "5809 1"):
        assert part in text


def test_cells_that_an_e_invoice_lacks_are_asked_for_before_the_number(books: Books, e_client: str) -> None:
    _prefill(books, e_client)
    books.change("update marts.clients set city = null where id = %s", (e_client,))
    said = r"e-invoice to .* needs .*clients\.csv \(row .*\): city; client_terms\.csv .*vat_category \(S does not"
    with pytest.raises(InvoicingError, match=said):
        books.issued(e_client)
    assert books.rows("select count(*) from billing.invoices where client_id = %s", (e_client,)) == [(0,)]


def test_hostile_clients_get_their_invoice(books: Books, tmp_path: Path) -> None:
    client = books.client()
    books.prefill(client)
    name = "<script>alert(1)</script>{{ 7 * 7 }}\u202e file:///etc/passwd " + "x" * 10_000
    books.change("update marts.clients set company_name = %s, city = %s where id = %s", (name, name, client))
    books.change(
        "update marts.invoice_prefill_lines set description = %s where prefill_id like %s", (name, f"%{client}%")
    )
    number = books.issued(client, notes=name).invoice.number
    with books.connect() as connection:
        pdf = read_document(connection, number, "pdf")
    assert pdf is not None
    text = " ".join(pages(pdf.content))
    assert "<script>alert(1)</script>{{ 7 * 7 }}" in text.replace("\n", " ")
    assert "1,000.00" in text


def test_invoices_of_before_get_their_documents_when_asked_for(
    create_database: Callable[[], Warehouse], server: EmbeddedServer
) -> None:
    """As after an update from a Workledger whose schema had no documents."""
    old = Books(create_database())
    old.create()
    with psycopg.connect(**server.administrator(old.warehouse.database), autocommit=True) as connection:
        client = old.client()
        old.prefill(client)
        old.prefill(client, MAY)
        _undo_0002(connection)
        first, second = (_issued_without_documents(old, client, month) for month in (JUNE, MAY))
        with connection.transaction():
            connection.execute("set local role billing_keeper")
            connection.execute((FOLDER / "versions" / "0002_documents.sql").read_text(encoding="utf-8"))
    with old.connect() as connection:
        assert unprinted(connection) == [(first, "document"), (second, "document")]
        # Its state moves on without them.
        cancel(connection, second, actor="ada", today=TODAY, reason="x")
        made = complete(connection, first, "document", Printer(), actor="ada")
        assert first in pages(made.content)[0]
        assert unprinted(connection) == [(second, "document")]
    assert sorted(_kinds(old, first)) == ["html", "pdf"]


def _undo_0002(connection: psycopg.Connection[Any]) -> None:
    """Later migrations stay: today's code issues with their columns."""
    for statement in (
        "drop trigger documented on billing.invoices",
        "drop table billing.invoices_before_documents",
        "drop function billing.has_its_document",
        "alter table billing.invoice_documents drop constraint invoice_documents_kind_check",
        "alter table billing.invoice_documents add constraint invoice_documents_kind_check check (kind in"
        " ('html', 'pdf', 'cii', 'ubl', 'facturx_pdf', 'canceled_pdf'))",
    ):
        connection.execute(statement)


def _issued_without_documents(books: Books, client: str, month: date) -> str:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("invoicing.issuing.make", lambda *_: None)
        return books.issued(client, month).invoice.number
