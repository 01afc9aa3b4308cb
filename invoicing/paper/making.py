"""Makes the documents of an invoice: in the transaction that issues or cancels it, and later what could not be made."""

from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from invoicing.errors import InvoicingError
from invoicing.paper.contents import read_contents
from invoicing.paper.documents import Document, Kind, read_document, store
from invoicing.paper.e_invoice import Syntax, to_xml
from invoicing.paper.e_invoice import renderer as e_invoice_renderer
from invoicing.paper.html import RENDERER, Part, read_logo, render
from invoicing.paper.printing import Printer, print_pdf
from invoicing.records import Invoice, read_invoice

_PAGES: Final[dict[Part, tuple[Kind, Kind]]] = {
    "document": ("html", "pdf"),
    "canceled": ("canceled_html", "canceled_pdf"),
    "appendix": ("appendix_html", "appendix_pdf"),
}


def make(connection: psycopg.Connection, invoice_id: str, part: Part, printer: Printer) -> None:
    """Make a document within the transaction that needs it; one that exists already stays.

    With plutoprint the PDF is made too; Gotenberg may take seconds or be down, so `complete` asks it afterwards.

    Args:
        connection: of role owner, in a transaction.
        invoice_id: of an invoice that has its number.
        part: which document.
        printer: how it is printed.

    Raises:
        InvoicingError: it cannot be made; says why.
    """
    contents = read_contents(connection, invoice_id, with_entries=part == "appendix")
    html_kind, pdf_kind = _PAGES[part]
    html = render(contents, part, read_logo(printer.logo_folder, contents.logo))
    is_stored = store(connection, invoice_id, html_kind, html.encode(), RENDERER)
    if is_stored and part == "document" and contents.is_e_invoice:
        syntaxes: tuple[Syntax, ...] = ("cii", "ubl")
        for syntax in syntaxes:
            store(connection, invoice_id, syntax, to_xml(contents, syntax), e_invoice_renderer())
    if is_stored and printer.gotenberg_url is None:
        printed = print_pdf(printer, html, contents, part)
        store(connection, invoice_id, pdf_kind, printed.content, printed.renderer)


def complete(connection: psycopg.Connection, number: str, part: Part, printer: Printer, *, actor: str) -> Document:
    """The PDF of a document: the stored one, or made now from the stored HTML and stored, once (rule 10.14).

    Args:
        connection: of role owner, in no transaction.
        number: of the invoice, or its identifier.
        part: the document, its canceled copy or its appendix.
        printer: how it is printed.
        actor: who asks.

    Raises:
        InvoicingError: there is no such invoice, it is not canceled, or the document cannot be printed.
    """
    invoice = read_invoice(connection, number)
    html_kind, pdf_kind = _PAGES[part]
    found = read_document(connection, invoice.id, pdf_kind)
    if found is not None:
        return found
    if part == "canceled" and invoice.status != "canceled":
        raise InvoicingError(f"{invoice.number} is not canceled, so it has no canceled copy.")
    html = read_document(connection, invoice.id, html_kind)
    if html is None:
        with connection.transaction():
            make(connection, invoice.id, part, printer)
            _record(connection, invoice, actor, html_kind)
        html = _found(connection, invoice, html_kind)
    if read_document(connection, invoice.id, pdf_kind) is None:
        printed = print_pdf(printer, html.content.decode(), read_contents(connection, invoice.id), part)
        with connection.transaction():
            if store(connection, invoice.id, pdf_kind, printed.content, printed.renderer):
                _record(connection, invoice, actor, pdf_kind)
    return _found(connection, invoice, pdf_kind)


def unprinted(connection: psycopg.Connection) -> list[tuple[str, Part]]:
    """Numbers and parts of which there is no PDF yet, oldest first; no appendix that nobody has asked for."""
    rows = connection.execute(
        "select i.invoice_number, wanted.part"
        " from billing.invoices as i"
        " cross join (values ('document', 'pdf', null), ('canceled', 'canceled_pdf', null),"
        " ('appendix', 'appendix_pdf', 'appendix_html')) as wanted (part, pdf, html)"
        " where i.status <> 'draft' and (wanted.part <> 'canceled' or i.status = 'canceled')"
        " and not exists (select 1 from billing.invoice_documents as d where d.invoice_id = i.id"
        " and d.kind = wanted.pdf)"
        " and (wanted.html is null or exists (select 1 from billing.invoice_documents as d"
        " where d.invoice_id = i.id and d.kind = wanted.html))"
        " order by i.finalized_at, i.id, wanted.part desc"
    ).fetchall()
    return [(number, part) for number, part in rows]


def _found(connection: psycopg.Connection, invoice: Invoice, kind: Kind) -> Document:
    found = read_document(connection, invoice.id, kind)
    if found is None:
        raise InvoicingError(f"{invoice.number} has no document {kind}, although it was just made; try again.")
    return found


def _record(connection: psycopg.Connection, invoice: Invoice, actor: str, kind: Kind) -> None:
    connection.execute(
        "insert into billing.invoice_events (invoice_id, event_type, actor, idempotency_key, payload)"
        " values (%s, 'document_stored', %s, %s, %s) on conflict (idempotency_key) do nothing",
        (invoice.id, actor, f"document_stored:{kind}:{invoice.id}", Jsonb({"kind": kind})),
    )
