"""E-invoices against the XSD and the official rules of EN 16931, and the cells that they need."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoicing.errors import InvoicingError
from invoicing.paper.contents import Account, Contents, Line
from invoicing.paper.e_invoice import Syntax, as_sentence, missing_cells, to_xml
from tests.invoicing.paper import schematron
from tests.invoicing.paper.papers import COVERED, DISCOUNT, RETAINER, WORK, contents, party

SYNTAXES: tuple[Syntax, ...] = ("cii", "ubl")
REASON = "Reverse charge, article 196 of directive 2006/112/EC"


def _mirrored(line: Line) -> Line:
    return replace(line, seconds=-line.seconds, quantity=-line.quantity, amount=-line.amount)


def _cases() -> dict[str, Contents]:
    french = party("Joe’s & Söhne <b>", vat_id="FR32123456789", country="FR", state="IdF", e_address="a@example.fr")
    without_tax: dict[str, Any] = {"tax_rate": "0", "vat_exemption_reason": REASON, "buyer": french}
    return {
        "taxed": contents(),
        "zero_rate": contents(vat_category="Z", tax_rate="0"),
        "exempt": contents(vat_category="E", **without_tax),
        "reverse_charge": contents(vat_category="AE", **without_tax),
        "export": contents(vat_category="G", **without_tax),
        "outside": contents(
            vat_category="O", **without_tax, seller=party("Lanternworks", vat_id="", registration_id="HRB 1")
        ),
        "credit_note": contents(
            [_mirrored(one) for one in (WORK, RETAINER, DISCOUNT, COVERED)],
            kind="credit_note",
            corrects="LW-2026-0001",
            corrects_issue_date=date(2026, 9, 1),
            payment_terms="due_on_receipt",
        ),
        "yen": contents([replace(WORK, amount=Decimal("1000.00"))], currency="JPY", tax_rate="0.10"),
        "nothing_to_pay": contents([COVERED]),
        "plain_account": contents(account=Account("Bank", "5809 33", "", "")),
        "everything_else": contents(
            notes="Thank you\n\n{{ x }} <b> \u202e",
            buyer_reference="PO-7",
            seller=party(
                "Lanternworks",
                registration_id="552100554",
                registration_scheme="0002",
                tax_id="37/1",
                e_address="9930:de",
                e_address_scheme="9930",
                contact_name="Billing",
                contact_phone="+49 30 1",
                contact_email="billing@example.com",
            ),
        ),
    }


def _checked(folder: Path, files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """What the official rules say of each file; its name ends with the syntax."""
    for name, content in files.items():
        (folder / f"{name}.xml").write_bytes(content)
    done = subprocess.run(
        [sys.executable, str(Path(schematron.__file__)), *(str(folder / f"{name}.xml") for name in files)],
        check=True,
        capture_output=True,
    )
    return dict(zip(files, json.loads(done.stdout), strict=True))


def test_invoices_of_every_vat_category_and_credit_notes_keep_every_rule(tmp_path: Path) -> None:
    files = {f"{name}-{syntax}": to_xml(shown, syntax) for name, shown in _cases().items() for syntax in SYNTAXES}
    found = _checked(tmp_path, files)
    assert {name: one["failed"] for name, one in found.items() if one["failed"]} == {}
    assert min(one["fired"] for one in found.values()) > 50


def test_spoilt_ones_are_caught_by_the_rule_that_they_break(tmp_path: Path) -> None:
    spoilt: dict[str, tuple[Contents, str]] = {
        "total": (replace(contents(), total=Decimal("1725.55")), "BR-CO-15"),
        "subtotal": (replace(contents(), subtotal=Decimal("1450.04")), "BR-CO-10"),
        "seller": (contents(seller=party("Lanternworks", vat_id="")), "BR-CO-26"),
        "reason": (contents(vat_category="AE", tax_rate="0"), "BR-AE-10"),
    }
    files = {f"{name}-{syntax}": to_xml(shown, syntax) for name, (shown, _) in spoilt.items() for syntax in SYNTAXES}
    for name, said in _checked(tmp_path, files).items():
        assert spoilt[name.rsplit("-", 1)[0]][1] in said["failed"], (name, said)


def test_exact_seconds_at_a_price_of_3600_of_them() -> None:
    cii, ubl = (to_xml(contents([WORK, DISCOUNT]), syntax).decode() for syntax in SYNTAXES)
    assert '<ram:BilledQuantity unitCode="SEC">36001</ram:BilledQuantity>' in cii
    assert '<ram:BasisQuantity unitCode="SEC">3600</ram:BasisQuantity>' in cii
    assert '<cbc:InvoicedQuantity unitCode="SEC">36001</cbc:InvoicedQuantity>' in ubl
    # What does not multiply out is a piece; a discount is minus one, because no price is negative.
    assert '<cbc:InvoicedQuantity unitCode="C62">-1</cbc:InvoicedQuantity>' in ubl
    capped = to_xml(contents([replace(WORK, amount=Decimal("900.00"))]), "ubl").decode()
    assert "SEC" not in capped


def test_a_credit_note_is_of_type_381_positive_and_names_the_invoice() -> None:
    cii, ubl = (to_xml(_cases()["credit_note"], syntax).decode() for syntax in SYNTAXES)
    assert "<ram:TypeCode>381</ram:TypeCode>" in cii
    assert "<ram:GrandTotalAmount>1725.54</ram:GrandTotalAmount>" in cii
    for text in (cii, ubl):
        assert "LW-2026-0001" in text
    assert "<cbc:CreditNoteTypeCode>381</cbc:CreditNoteTypeCode>" in ubl


def test_what_does_not_fit_the_schema_is_one_sentence() -> None:
    with pytest.raises(InvoicingError, match=r"The e-invoice LW-2026-0001 \(cii\) is not valid"):
        to_xml(contents(currency=""), "cii")


SELLER = {
    "legal_name": "Lanternworks",
    "street": "Gasse 1",
    "city": "Berlin",
    "zip_code": "10115",
    "country": "DE",
    "vat_id": "DE123456788",
    "account": {"account": "DE75512108001245126199"},
}
BUYER = {
    "name": "Client Ltd",
    "e_invoice": True,
    "billing_address_same": True,
    "address_line_1": "Main Road 1",
    "city": "Paris",
    "zip_code": "75001",
    "country": "FR",
    "vat_id": "FR32123456789",
    "vat_category": "S",
}


def _said(seller: dict[str, Any], buyer: dict[str, Any], tax_rate: str = "0.19") -> str:
    cells = missing_cells({**SELLER, **seller}, {**BUYER, **buyer}, "EUR", Decimal(tax_rate))
    return as_sentence(cells, "Client Ltd") if cells else ""


@pytest.mark.parametrize(
    ("seller", "buyer", "tax_rate", "said"),
    [
        ({"street": ""}, {}, "0.19", "agency.csv (row Lanternworks): street"),
        ({"country": "Germany"}, {}, "0.19", "agency.csv (row Lanternworks): country (two letters, such as DE)"),
        ({"country": "XX"}, {}, "0.19", "agency.csv (row Lanternworks): country (two"),
        ({"vat_id": None}, {}, "0.19", "agency.csv (row Lanternworks): vat_id (or both tax_id and registration_id)"),
        ({"vat_id": "12"}, {}, "0.19", "vat_id (it begins with its country's letters)"),
        ({"account": None}, {}, "0.19", "bank_accounts.csv (row EUR): account"),
        ({"e_address": "5798000000001"}, {}, "0.19", "e_address_scheme"),
        ({}, {"country": "USA"}, "0.19", "clients.csv (row Client Ltd): country (two"),
        ({}, {"city": "", "billing_address_same": False}, "0.19", "clients.csv (row Client Ltd): billing_city"),
        ({}, {"vat_category": "AE", "vat_id": ""}, "0", "clients.csv (row Client Ltd): vat_id; client_terms.csv"),
        ({}, {"vat_category": None}, "0.19", "client_terms.csv (row Client Ltd): vat_category"),
        ({}, {"vat_category": "S"}, "0", "vat_category (S does not go with a tax_rate of 0)"),
        ({}, {"vat_category": "Z"}, "0.19", "vat_category (Z does not go with a tax_rate of 0.19)"),
        ({}, {"vat_category": "E"}, "0", "vat_exemption_reason"),
        ({"vat_id": "DE1"}, {"vat_category": "O", "vat_exemption_reason": "x"}, "0", "registration_id"),
    ],
)
def test_cells_to_fill_in_are_named(seller: dict[str, Any], buyer: dict[str, Any], tax_rate: str, said: str) -> None:
    assert said in _said(seller, buyer, tax_rate)
    assert _said(seller, {**buyer, "e_invoice": False}, tax_rate) == "", "asked for only where the client wants it"


def test_nothing_is_asked_for_where_every_cell_is_there() -> None:
    assert _said({}, {}) == ""
    check: Callable[..., str] = _said
    assert check({}, {"vat_category": "Z"}, "0") == ""
