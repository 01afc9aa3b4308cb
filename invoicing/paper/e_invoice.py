"""The e-invoice: EN 16931 in both syntaxes, made from the same contents as the PDF (rule 10.17).

Terms (BT-…) and groups (BG-…) are those of EN 16931-1. No claim is made to Peppol or to PDF/A.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import version
from itertools import groupby
from typing import Any, Final, Literal

from babel import Locale

from invoicing.errors import InvoicingError
from invoicing.paper.contents import Contents, Line, Party
from invoicing.paper.html import line as on_one_line
from invoicing.paper.wording import words
from sources.kit.currencies import decimals_of

Syntax = Literal["cii", "ubl"]

_WITH_REASON: Final = ("E", "AE", "G", "O")
_PRICE: Final = Decimal("0.0001")


@dataclass(frozen=True)
class Cell:
    """A cell of a reference file that is to be filled in."""

    file: str
    row: str
    column: str
    """With a hint in brackets, where the name alone does not say what fits."""


def missing_cells(
    seller: Mapping[str, Any], buyer: Mapping[str, Any], currency: str, tax_rate: Decimal
) -> Sequence[Cell]:
    """What the reference files lack for an e-invoice; nothing where the client wants none.

    Args:
        seller: as the invoice keeps it.
        buyer: as the invoice keeps it.
        currency: ISO 4217.
        tax_rate: as a fraction.

    Source: the business rules of EN 16931 (BR-08 to BR-11, BR-61, BR-CO-09, BR-CO-26 and those of each VAT category).
    """
    return list(_missing(seller, buyer, currency, tax_rate)) if buyer.get("e_invoice") else []


def as_sentence(cells: Sequence[Cell], client: str) -> str:
    """The cells to fill in, file by file."""
    parts = []
    for (file, row), found in groupby(cells, key=lambda cell: (cell.file, cell.row)):
        parts.append(f"{file} (row {row}): {', '.join(cell.column for cell in found)}")
    return (
        f"An e-invoice to {client} needs cells that are empty or do not fit: {'; '.join(parts)}. Fill them in, or set "
        "e_invoice in clients.csv to false."
    )


def _missing(seller: Mapping[str, Any], buyer: Mapping[str, Any], currency: str, tax_rate: Decimal) -> Iterator[Cell]:
    agency = ("agency.csv", str(seller.get("legal_name")))
    client = ("clients.csv", str(buyer.get("name")))
    terms = ("client_terms.csv", str(buyer.get("name")))
    category = buyer.get("vat_category")
    for name in ("street", "city", "zip_code"):
        if not seller.get(name):
            yield Cell(*agency, name)
    if not _is_country(seller.get("country")):
        yield Cell(*agency, "country (two letters, such as DE)")
    if category == "O":
        if not seller.get("registration_id"):
            yield Cell(*agency, "registration_id")
    elif category == "G":
        if not seller.get("vat_id"):
            yield Cell(*agency, "vat_id")
    elif not seller.get("vat_id") and not (seller.get("tax_id") and seller.get("registration_id")):
        yield Cell(*agency, "vat_id (or both tax_id and registration_id)")
    if seller.get("vat_id") and not _is_vat_id(seller["vat_id"]):
        yield Cell(*agency, "vat_id (it begins with its country's letters)")
    yield from _without_scheme(seller, agency)
    if not (seller.get("account") or {}).get("account"):
        yield Cell("bank_accounts.csv", currency, "account")
    prefix = "" if buyer.get("billing_address_same", True) else "billing_"
    for name in ("address_line_1", "city", "zip_code"):
        if not buyer.get(name):
            yield Cell(*client, prefix + name)
    if not _is_country(buyer.get("country")):
        yield Cell(*client, f"{prefix}country (two letters, such as DE)")
    if category == "AE" and not buyer.get("vat_id"):
        yield Cell(*client, "vat_id")
    if buyer.get("vat_id") and not _is_vat_id(buyer["vat_id"]):
        yield Cell(*client, "vat_id (it begins with its country's letters)")
    yield from _without_scheme(buyer, client)
    if not category:
        yield Cell(*terms, "vat_category")
    elif (category == "S") != (tax_rate > 0):
        yield Cell(*terms, f"vat_category ({category} does not go with a tax_rate of {tax_rate.normalize():f})")
    if category in _WITH_REASON and not buyer.get("vat_exemption_reason"):
        yield Cell(*terms, "vat_exemption_reason")


def _without_scheme(party: Mapping[str, Any], place: tuple[str, str]) -> Iterator[Cell]:
    address = party.get("e_address")
    if address and "@" not in address and not party.get("e_address_scheme"):
        yield Cell(*place, "e_address_scheme")


def _is_country(text: str | None) -> bool:
    return bool(text and re.fullmatch("[A-Z]{2}", text) and text in Locale("en").territories)


def _is_vat_id(text: str) -> bool:
    return bool(re.match("[A-Z]{2}", text))


def to_xml(contents: Contents, syntax: Syntax) -> bytes:
    """An invoice or credit note in one of the two syntaxes, checked against its XSD.

    Args:
        contents: of an issued invoice whose cells are all there.
        syntax: UN/CEFACT CII or OASIS UBL 2.1.

    Raises:
        InvoicingError: the XML does not fit its schema.
    """
    # 37 MB that only clients with e-invoices need.
    from facturx import generate_cii_xml, generate_ubl_xml

    generate = generate_cii_xml if syntax == "cii" else generate_ubl_xml
    try:
        made: bytes = generate(_terms(contents), level="en16931", check_xsd=True, check_schematron=False)
    except Exception as error:
        raise InvoicingError(f"The e-invoice {contents.number} ({syntax}) is not valid: {str(error)[:300]}") from error
    return made


def renderer() -> str:
    """What makes the XML, with its version."""
    return f"factur-x {version('factur-x')}"


def _terms(contents: Contents) -> dict[str, Any]:
    """The invoice by the numbers of its business terms; a credit note has positive amounts, its type says the rest."""
    # One that corrects another is a document of its own type, with what was billed as positive amounts.
    sign = -1 if contents.kind == "credit_note" else 1
    say = words(contents.language)
    category, percent = contents.vat_category, f"{(contents.tax_rate * 100).normalize():f}"
    total, subtotal, tax = (_money(sign * one) for one in (contents.total, contents.subtotal, contents.tax))
    vat: dict[str, Any] = {"BT-116": subtotal, "BT-117": tax, "BT-118": category}
    if category != "O":
        vat["BT-119"] = percent
    if category in _WITH_REASON:
        vat["BT-120"] = on_one_line(contents.vat_exemption_reason, 300)
    terms: dict[str, Any] = {
        "BT-1": contents.number,
        "BT-2": contents.issue_date,
        "BT-3": "381" if contents.kind == "credit_note" else "380",
        "BT-5": contents.currency,
        "BT-20": say[contents.payment_terms],
        "BT-72": contents.supply_to,
        "BT-73": contents.supply_from,
        "BT-74": contents.supply_to,
        "BG-4": _seller(contents),
        "BG-7": _party(contents.buyer, with_vat=category != "O"),
        "BT-81": contents.account.means_code or "30",
        "BT-83": contents.number,
        "BT-84": contents.account.number.replace(" ", ""),
        "BT-85": on_one_line(contents.seller.name, 200),
        "BG-23": [vat],
        "BT-106": subtotal,
        "BT-109": subtotal,
        "BT-110": tax,
        "BT-112": total,
        "BT-115": total,
        "BG-25": [_line(position, one, sign, contents, percent) for position, one in enumerate(contents.lines, 1)],
    }
    if contents.account.bic:
        terms["BT-86"] = contents.account.bic.replace(" ", "")
    if contents.buyer_reference:
        terms["BT-10"] = on_one_line(contents.buyer_reference, 200)
    if contents.notes:
        terms["BG-1"] = [{"BT-22": on_one_line(contents.notes, 3000)}]
    if contents.kind == "invoice":
        terms["BT-9"] = contents.due_date
    elif contents.corrects:
        day = {"BT-26": contents.corrects_issue_date} if contents.corrects_issue_date else {}
        terms["BG-3"] = [{"BT-25": number, **day} for number in contents.corrects.split(", ")]
    return terms


def _line(position: int, one: Line, sign: int, contents: Contents, percent: str) -> dict[str, Any]:
    amount = sign * one.amount
    found: dict[str, Any] = {
        "BT-126": str(position),
        "BT-131": _money(amount),
        "BT-151": contents.vat_category,
        "BT-153": on_one_line(one.description, 600),
    }
    if contents.vat_category != "O":
        found["BT-152"] = percent
    # Seconds at a price per 3600 of them multiply out to the cent, which hours of four decimals do not.
    rate = one.rate.quantize(_PRICE)
    if one.seconds and rate >= 0 and _rounded(sign * one.seconds * rate / 3600, contents.currency) == amount:
        found |= {"BT-129": str(sign * one.seconds), "BT-130": "SEC", "BT-146": f"{rate:f}", "BT-149": "3600"}
    else:
        # A price cannot be negative, so a discount is minus one piece.
        found |= {"BT-129": "-1" if amount < 0 else "1", "BT-130": "C62", "BT-146": _money(abs(amount))}
    return found


def _seller(contents: Contents) -> dict[str, Any]:
    seller = contents.seller
    found = _party(seller, with_vat=contents.vat_category != "O")
    if seller.tax_id and contents.vat_category != "O":
        found["tax_identifier"] = seller.tax_id
    if seller.registration_id:
        found["legal_identifier"] = seller.registration_id
        if seller.registration_scheme:
            found["legal_identifier_schemeid"] = seller.registration_scheme
    contact = {"name": seller.contact_name, "phone": seller.contact_phone, "email": seller.contact_email}
    if any(contact.values()):
        found["contacts"] = [{name: text for name, text in contact.items() if text}]
    return found


def _party(party: Party, *, with_vat: bool) -> dict[str, Any]:
    found = {
        "name": on_one_line(party.name, 200),
        "addr_l1": on_one_line(party.street, 120),
        "addr_l2": on_one_line(party.street_2, 120),
        "city": on_one_line(party.city, 120),
        "country_subdivision": on_one_line(party.state, 120),
        "postcode": on_one_line(party.zip_code, 40),
        "country_code": party.country,
    }
    if with_vat:
        found["vat_identifier"] = party.vat_id.replace(" ", "")
    if party.e_address:
        found["einvoicing_addr"] = party.e_address
        found["einvoicing_addr_schemeid"] = party.e_address_scheme or "EM"
    return {name: text for name, text in found.items() if text}


def _rounded(value: Decimal, currency: str) -> Decimal:
    decimals = decimals_of(currency)
    return value.quantize(Decimal(1).scaleb(-(2 if decimals is None else decimals)), ROUND_HALF_UP)


def _money(value: Decimal) -> str:
    return f"{value:.2f}"
