"""Documents as they are kept: written once, never made again (rule 10.14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, LiteralString

import psycopg
from psycopg.rows import class_row

from invoicing.records import read_invoice

Kind = Literal["html", "pdf", "cii", "ubl", "canceled_html", "canceled_pdf", "appendix_html", "appendix_pdf"]
"""`cii` and `ubl` are the e-invoice in its two syntaxes; `canceled_*` is printed when an invoice is canceled."""

TEMPLATE_VERSION: Final = "1"

_MEDIA_TYPES: Final = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
_COLUMNS: Final[LiteralString] = """
    select
        d.id, d.invoice_id, i.invoice_number as number, d.kind, d.media_type, d.sha256, d.bytes as content,
        d.renderer, d.created_at
    from billing.invoice_documents as d
    inner join billing.invoices as i on d.invoice_id = i.id
"""


@dataclass(frozen=True)
class Document:
    """A document of an invoice or credit note."""

    id: str
    invoice_id: str
    number: str
    kind: Kind
    media_type: str
    sha256: str
    content: bytes
    renderer: str
    created_at: datetime

    @property
    def file_name(self) -> str:
        """A name that a client can tell apart, such as `LW-2026-0001.pdf` or `LW-2026-0001-canceled.pdf`."""
        name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in self.number)
        if self.kind in ("cii", "ubl"):
            return f"{name}-{self.kind}.xml"
        *prefix, ending = self.kind.split("_")
        return "-".join([name, *prefix]) + f".{ending}"


def read_documents(connection: psycopg.Connection, number: str) -> Sequence[Document]:
    """All documents of an invoice, oldest first.

    Args:
        connection: of a role that reads documents.
        number: of the invoice, or its identifier.

    Raises:
        InvoicingError: there is no such invoice.
    """
    invoice = read_invoice(connection, number)
    with connection.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            _COLUMNS + "where d.invoice_id = %s order by d.created_at, d.id", (invoice.id,)
        ).fetchall()


def read_document(connection: psycopg.Connection, number: str, kind: Kind) -> Document | None:
    """One document of an invoice, None if it has none of the kind.

    Args:
        connection: of a role that reads documents.
        number: of the invoice, or its identifier.
        kind: which.

    Raises:
        InvoicingError: there is no such invoice.
    """
    invoice = read_invoice(connection, number)
    with connection.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(_COLUMNS + "where d.invoice_id = %s and d.kind = %s", (invoice.id, kind)).fetchone()


def store(connection: psycopg.Connection, invoice_id: str, kind: Kind, content: bytes, renderer: str) -> bool:
    """Keep a document, unless there is one of the kind already.

    Args:
        connection: of role owner.
        invoice_id: of the invoice.
        kind: which.
        content: its bytes.
        renderer: what made it, with its version.

    Returns:
        Whether it is kept; False where another caller was first, whose document then counts.
    """
    media_type = _MEDIA_TYPES.get(kind.split("_")[-1], "application/xml")
    return bool(
        connection.execute(
            "insert into billing.invoice_documents"
            " (id, invoice_id, kind, media_type, sha256, bytes, renderer, template_version)"
            " values ('DOC-' || substr(%(id)s, 5) || '-' || %(kind)s, %(id)s, %(kind)s, %(media_type)s,"
            " encode(sha256(%(content)s), 'hex'), %(content)s, %(renderer)s, %(template)s)"
            " on conflict (invoice_id, kind) do nothing",
            {
                "id": invoice_id,
                "kind": kind,
                "media_type": media_type,
                "content": content,
                "renderer": renderer,
                "template": TEMPLATE_VERSION,
            },
        ).rowcount
    )
