"""What a document shows, read from the rows of an invoice in schema `billing` and from nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import psycopg
from psycopg.rows import dict_row

_INVOICE: Final = """
    select
        i.id, i.kind, i.invoice_number as number, i.status, i.canceled_on, i.currency::text as currency, i.issue_date,
        i.due_date, i.payment_terms, i.supply_from, i.supply_to, i.subtotal, i.tax_rate, i.tax, i.total, i.seller,
        i.buyer, i.notes, corrected.numbers as corrects, corrected.issue_date as corrects_issue_date
    from billing.invoices as i
    -- A negative bill corrects the invoices that its adjustments restate.
    left join lateral (
        select
            string_agg(o.invoice_number, ', ' order by o.issue_date, o.invoice_number) as numbers,
            case when count(*) = 1 then min(o.issue_date) end as issue_date
        from billing.invoices as o
        where
            o.id = i.corrects_invoice_id
            or i.kind = 'credit_note' and i.corrects_invoice_id is null and o.id in (
                select r.invoice_id
                from billing.invoice_line_items as l
                inner join billing.settled_restatements as s on l.id = s.line_id
                inner join billing.restatements as r on s.restatement_id = r.id
                where l.invoice_id = i.id
            )
    ) as corrected on true
    where i.id = %s
"""
_LINES: Final = """
    select
        description, case when basis = 'adjustment' then 0 else billable_seconds end as seconds, quantity, unit_price,
        rate_multiplier, line_total as amount
    from billing.invoice_line_items
    where invoice_id = %s
    order by position
"""
_ENTRIES: Final = """
    select
        l.position as line, e.billable_seconds as seconds, (e.entry_snapshot ->> 'local_date')::date as day,
        coalesce(e.entry_snapshot ->> 'issue_key', '') as issue_key,
        coalesce(e.entry_snapshot ->> 'description', '') as description
    from billing.invoice_line_items as l
    inner join billing.invoice_line_entries as e on l.id = e.line_id
    where l.invoice_id = %s
    order by l.position, e.entry_snapshot ->> 'start_time', e.time_entry_id
"""


@dataclass(frozen=True)
class Party:
    """Seller or buyer; empty text where a cell of the reference files was empty."""

    name: str
    address: Sequence[str]
    """As it is printed, line by line."""
    street: str
    street_2: str
    city: str
    state: str
    zip_code: str
    country: str
    tax_id: str
    vat_id: str
    registration_id: str = ""
    registration_scheme: str = ""
    e_address: str = ""
    e_address_scheme: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    contact_email: str = ""


@dataclass(frozen=True)
class Account:
    """Where the money goes."""

    bank: str
    number: str
    bic: str
    means_code: str
    """Of UNTDID 4461: 30 credit transfer, 58 SEPA credit transfer."""


@dataclass(frozen=True)
class Line:
    """A line: `seconds` of work at `rate` an hour, or an amount by itself (`seconds` 0)."""

    description: str
    seconds: int
    quantity: Decimal
    """Hours with four decimals, or pieces."""
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Entry:
    """A time entry of the appendix, as it was billed."""

    line: int
    day: date
    issue_key: str
    description: str
    seconds: int


@dataclass(frozen=True)
class Contents:
    """Everything that a document of an invoice or credit note shows. A draft has neither number nor dates."""

    invoice_id: str
    kind: Literal["invoice", "credit_note"]
    number: str | None
    issue_date: date | None
    due_date: date | None
    canceled_on: date | None
    corrects: str | None
    """Number of the invoice that a credit note corrects; several, separated by commas, of a negative bill."""
    corrects_issue_date: date | None
    payment_terms: str
    supply_from: date
    supply_to: date
    currency: str
    seller: Party
    buyer: Party
    account: Account
    logo: str
    lines: Sequence[Line]
    entries: Sequence[Entry]
    subtotal: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal
    notes: str
    language: str
    date_format: str
    """Pattern of Unicode's date fields; empty is the language's own."""
    paper_size: Literal["A4", "Letter"]
    buyer_reference: str
    is_e_invoice: bool
    vat_category: str
    vat_exemption_reason: str


def read_contents(connection: psycopg.Connection, invoice_id: str, *, with_entries: bool = False) -> Contents:
    """What an invoice, credit note or draft shows.

    Args:
        connection: of role owner.
        invoice_id: of an existing row.
        with_entries: whether the time entries are read, for the appendix.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        [head] = cursor.execute(_INVOICE, (invoice_id,)).fetchall()
        lines = [
            Line(
                row["description"],
                row["seconds"],
                row["quantity"],
                row["unit_price"] * row["rate_multiplier"],
                row["amount"],
            )
            for row in cursor.execute(_LINES, (invoice_id,)).fetchall()
        ]
        found = cursor.execute(_ENTRIES, (invoice_id,)).fetchall() if with_entries else []
    seller, buyer = head["seller"], head["buyer"]
    return Contents(
        invoice_id=head["id"],
        kind=head["kind"],
        number=head["number"],
        issue_date=head["issue_date"],
        due_date=head["due_date"],
        canceled_on=head["canceled_on"],
        corrects=head["corrects"],
        corrects_issue_date=head["corrects_issue_date"],
        payment_terms=head["payment_terms"],
        supply_from=head["supply_from"],
        supply_to=head["supply_to"],
        currency=head["currency"],
        seller=_seller(seller),
        buyer=_buyer(buyer),
        account=_account(seller),
        logo=_text(seller, "logo"),
        lines=lines,
        entries=[Entry(**row) for row in found],
        subtotal=head["subtotal"],
        tax_rate=head["tax_rate"],
        tax=head["tax"],
        total=head["total"],
        notes=head["notes"] or "",
        language=_text(buyer, "language") or "en",
        date_format=_text(buyer, "date_format"),
        paper_size=buyer.get("paper_size") or "A4",
        buyer_reference=_text(buyer, "reference"),
        is_e_invoice=bool(buyer.get("e_invoice")),
        vat_category=_text(buyer, "vat_category"),
        vat_exemption_reason=_text(buyer, "vat_exemption_reason"),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    return str(row.get(name) or "")


def _seller(row: Mapping[str, Any]) -> Party:
    printed = _text(row, "address") or ", ".join(
        part for part in (_text(row, "street"), f"{_text(row, 'zip_code')} {_text(row, 'city')}".strip()) if part
    )
    return Party(
        name=_text(row, "legal_name"),
        address=[line.strip() for line in printed.replace(";", "\n").splitlines() if line.strip()],
        street=_text(row, "street"),
        street_2="",
        city=_text(row, "city"),
        state="",
        zip_code=_text(row, "zip_code"),
        country=_text(row, "country"),
        tax_id=_text(row, "tax_id"),
        vat_id=_text(row, "vat_id"),
        registration_id=_text(row, "registration_id"),
        registration_scheme=_text(row, "registration_scheme"),
        e_address=_text(row, "e_address"),
        e_address_scheme=_text(row, "e_address_scheme"),
        contact_name=_text(row, "contact_name"),
        contact_phone=_text(row, "contact_phone"),
        contact_email=_text(row, "contact_email"),
    )


def _buyer(row: Mapping[str, Any]) -> Party:
    place = " ".join(_text(row, name) for name in ("city", "state", "zip_code") if row.get(name))
    lines = [_text(row, "address_line_1"), _text(row, "address_line_2"), place, _text(row, "country")]
    return Party(
        name=_text(row, "name"),
        address=[line for line in lines if line],
        street=_text(row, "address_line_1"),
        street_2=_text(row, "address_line_2"),
        city=_text(row, "city"),
        state=_text(row, "state"),
        zip_code=_text(row, "zip_code"),
        country=_text(row, "country"),
        tax_id=_text(row, "tax_id"),
        vat_id=_text(row, "vat_id"),
        e_address=_text(row, "e_address"),
        e_address_scheme=_text(row, "e_address_scheme"),
    )


def _account(seller: Mapping[str, Any]) -> Account:
    """The account of the invoice's currency, else the one that agency.csv has for all."""
    own = seller.get("account") or {}
    if own:
        return Account(_text(own, "bank"), _text(own, "account"), _text(own, "bic"), _text(own, "means_code"))
    return Account(_text(seller, "bank"), "", _text(seller, "swift"), "")
