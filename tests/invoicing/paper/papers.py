"""Contents of documents by hand, and what their pages say."""

import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pypdf import PdfReader

from invoicing.paper.contents import Account, Contents, Entry, Line, Party
from invoicing.paper.html import Part, render
from invoicing.paper.printing import Printer, print_pdf

WORK = Line("Work on the export, LMP-12", 36_001, Decimal("10.0003"), Decimal(100), Decimal("1000.03"))
RETAINER = Line("Retainer", 0, Decimal(1), Decimal(500), Decimal("500.00"))
DISCOUNT = Line("Discount", 0, Decimal(1), Decimal(0), Decimal("-50.00"))
COVERED = Line("Covered by the retainer", 7_200, Decimal(2), Decimal(0), Decimal("0.00"))


def party(name: str, **changed: Any) -> Party:
    """A company in Berlin."""
    known = {
        "name": name,
        "address": ["Gasse 1", "Berlin 10115", "DE"],
        "street": "Gasse 1",
        "street_2": "",
        "city": "Berlin",
        "state": "",
        "zip_code": "10115",
        "country": "DE",
        "tax_id": "",
        "vat_id": "DE123456788",
    }
    return Party(**{**known, **changed})


def contents(lines: Sequence[Line] = (WORK, RETAINER, DISCOUNT, COVERED), **changed: Any) -> Contents:
    """An invoice over lines, with 19 % tax unless it is changed."""
    tax_rate = Decimal(changed.pop("tax_rate", "0.19"))
    subtotal = sum((one.amount for one in lines), Decimal(0))
    tax = (subtotal * tax_rate).quantize(Decimal("0.01"))
    known = {
        "invoice_id": "INV-aaaaaaaa",
        "kind": "invoice",
        "number": "LW-2026-0001",
        "issue_date": date(2026, 9, 30),
        "due_date": date(2026, 10, 30),
        "canceled_on": None,
        "corrects": None,
        "corrects_issue_date": None,
        "payment_terms": "net30",
        "supply_from": date(2026, 9, 1),
        "supply_to": date(2026, 9, 30),
        "currency": "EUR",
        "seller": party("Lanternworks"),
        "buyer": party("Client Ltd"),
        "account": Account("Riverbend Bank", "DE75512108001245126199", "SOLADEST600", "58"),
        "logo": "",
        "lines": lines,
        "entries": [Entry(1, date(2026, 9, day), f"LMP-{day}", "Wrote it", 3_600 + day) for day in range(1, 4)],
        "subtotal": subtotal,
        "tax_rate": tax_rate,
        "tax": tax,
        "total": subtotal + tax,
        "notes": "",
        "language": "en",
        "date_format": "",
        "paper_size": "A4",
        "buyer_reference": "",
        "is_e_invoice": True,
        "vat_category": "S",
        "vat_exemption_reason": "",
    }
    return Contents(**{**known, **changed})


def pdf(shown: Contents, part: Part = "document") -> bytes:
    """The PDF that plutoprint makes of it."""
    return print_pdf(Printer(), render(shown, part, None), shown, part).content


def pages(content: bytes) -> list[str]:
    """What each page says, spaces as they come."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
