"""A prefill as it is in the marts: what would be invoiced, with the hash of what a person has looked at."""

import hashlib
import json
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg

from invoicing.errors import InvoicingError
from sources.reference.invoice_numbers import NumberFormat, parse

_HASH_DIGITS: Final = 16
_NOT_BUILT: Final = "The warehouse has no prefills yet; `workledger run` builds them."

# One statement, and so one state of the tables, even while a build replaces them one by one. JSON within it travels as
# text, untouched. An entry that no source has any more is as it was when it was billed.
_READ: Final = """
    select
        jsonb_build_object(
            'prefill', to_jsonb(prefill) - 'warnings' - 'id',
            'warnings', prefill.warnings,
            'lines', (
                select
                    coalesce(jsonb_agg(
                        to_jsonb(line) - 'billing_rule_snapshot'
                        || jsonb_build_object(
                            'billing_rule_snapshot', line.billing_rule_snapshot::text,
                            'entries', (
                                select coalesce(jsonb_agg(jsonb_build_object(
                                    'time_entry_id', bridge.time_entry_id,
                                    'raw_seconds', bridge.raw_seconds,
                                    'billable_seconds', bridge.billable_seconds,
                                    'amount', amounts.amount,
                                    'snapshot', coalesce((to_jsonb(entry) - 'status')::text, (
                                        select min(billed.entry_snapshot::text)
                                        from billing.invoice_line_entries as billed
                                        where billed.time_entry_id = bridge.time_entry_id and line.basis = 'adjustment'
                                    ))
                                ) order by entry.start_time, bridge.time_entry_id), '[]')
                                from marts.invoice_prefill_line_entries as bridge
                                left join marts.time_entries as entry on bridge.time_entry_id = entry.id
                                left join intermediate.int_reports__entry_amounts as amounts
                                    on bridge.line_id = amounts.line_id and bridge.time_entry_id = amounts.time_entry_id
                                where bridge.line_id = line.id
                            )
                        )
                        order by line.contract_id, line.project_id, line.application_id, line.issue_key,
                        line.line_type, line.description,
                            line.id
                    ), '[]')
                from marts.invoice_prefill_lines as line
                where line.prefill_id = prefill.id
            ),
            'seller', (
                select
                    to_jsonb(agency) - 'currency' - 'timezone' - 'calendar' - 'invoice_number_format' - 'bank_accounts'
                    - 'utilization_target'
                    || jsonb_build_object('account', agency.bank_accounts -> prefill.currency)
                from intermediate.int_identity__agency as agency
            ),
            'buyer', jsonb_build_object(
                'client_id', client.id,
                'account_number', client.account_number,
                'name', client.company_name,
                'tax_id', client.tax_id,
                'contact_name', client.contact_name,
                'email', coalesce(client.contact_email, client.email),
                'language', client.language,
                'date_format', client.date_format,
                'paper_size', client.paper_size,
                'reference', client.buyer_reference,
                'vat_id', client.vat_id,
                'e_invoice', client.e_invoice,
                'e_address', client.e_address,
                'e_address_scheme', client.e_address_scheme,
                'billing_address_same', client.billing_address_same,
                'vat_category', prefill.vat_category,
                'vat_exemption_reason', prefill.vat_exemption_reason
            ) || case
                when client.billing_address_same then jsonb_build_object(
                    'address_line_1', client.address_line_1, 'address_line_2', client.address_line_2, 'city',
                    client.city,
                    'state', client.state, 'zip_code', client.zip_code, 'country', client.country
                )
                else jsonb_build_object(
                    'address_line_1', client.billing_address_line_1, 'address_line_2', client.billing_address_line_2,
                    'city', client.billing_city, 'state', client.billing_state, 'zip_code', client.billing_zip_code,
                    'country', client.billing_country
                )
            end,
            'payment_terms', client.payment_terms
        )::text,
        prefill.id,
        client.invoice_number_format,
        (select invoice_number_format from intermediate.int_identity__agency),
        coalesce((
            select months.billed_by
            from intermediate.int_billing__billed_months as months
            where
                months.client_id = prefill.client_id and months.currency = prefill.currency
                and months.billed_month = prefill.invoice_month
        ), '')
    from marts.invoice_prefills as prefill
    inner join marts.clients as client on prefill.client_id = client.id
    where prefill.client_id = %s and prefill.invoice_month = %s and prefill.currency = %s
"""


@dataclass(frozen=True)
class Warned:
    """A warning of a prefill (rule 7.31)."""

    code: str
    detail: str


@dataclass(frozen=True)
class Prefill:
    """What would be invoiced to a client for a month in a currency, with everything that an invoice would keep."""

    id: str
    client_id: str
    client: str
    currency: str
    month: date
    subtotal: Decimal
    tax_rate: Decimal
    tax: Decimal
    total: Decimal
    payment_terms: str
    supply_from: date
    supply_to: date
    warnings: tuple[Warned, ...]
    lines: Sequence[Mapping[str, Any]]
    """As in `marts.invoice_prefill_lines`, with `entries`; what is JSON in the table is its text."""
    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    number_format: NumberFormat | None
    has_own_series: bool
    """Whether the format is the client's own, from `clients.csv`."""
    billed_by: str
    """The live invoices that billed or adjusted the month when it was built, by `billing.billed_by`."""
    hash: str
    """Changes with anything that the invoice would show or keep, and with the warnings."""

    @property
    def subject(self) -> str:
        """Client, month and currency, for messages."""
        return f"{self.client}, {self.month:%Y-%m}, {self.currency}"


def month_from(text: str) -> date:
    """The first day of a month that is written like 2026-06.

    Raises:
        InvoicingError: it is none.
    """
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise InvoicingError(f"{text} is no month; write it like 2026-06.") from None


def today_of(connection: psycopg.Connection, as_of: date | datetime | None) -> date:
    """The day of `as_of`, the only clock (rule 1.8), in the agency's time zone.

    Args:
        connection: of role owner.
        as_of: a date is itself; None is now.
    """
    if as_of is not None and not isinstance(as_of, datetime):
        return as_of
    zone = _rows(connection, "select timezone from intermediate.int_identity__agency")[0][0]
    return (as_of or datetime.now(UTC)).astimezone(ZoneInfo(zone)).date()


def find_client(connection: psycopg.Connection, name: str) -> tuple[str, str]:
    """The identifier and name of a client that is given by identifier, account number or name.

    Raises:
        InvoicingError: there is none, or there are several.
    """
    found = _rows(
        connection,
        "select id, coalesce(company_name, name) from marts.clients"
        " where id = %(name)s or account_number = %(name)s or lower(%(name)s) in (lower(name), lower(company_name))"
        " order by id",
        {"name": name},
    )
    exact = [row for row in found if row[0] == name] or found
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise InvoicingError(f"{name} is the name of {' and '.join(row[0] for row in exact)}; give one of these.")
    known = [row[0] for row in _rows(connection, "select coalesce(company_name, name) from marts.clients order by 1")]
    raise InvoicingError(f"There is no client {name}; clients are {', '.join(known[:20])}.")


def read_prefill(connection: psycopg.Connection, client: str, month: date, currency: str | None = None) -> Prefill:
    """Read a prefill with its lines, entries and warnings.

    Args:
        connection: of role owner.
        client: identifier, account number or name.
        month: first day of the month.
        currency: ISO 4217; None if the client has one prefill of the month.

    Raises:
        InvoicingError: there is no such client or prefill, there are several, or a build is replacing it.
    """
    client_id, name = find_client(connection, client)
    currencies = [
        row[0]
        for row in _rows(
            connection,
            "select currency from marts.invoice_prefills where client_id = %s and invoice_month = %s order by 1",
            (client_id, month),
        )
    ]
    if not currencies:
        raise InvoicingError(f"{name} has no prefill for {month:%Y-%m}: nothing of that month can be billed.")
    if currency is None and len(currencies) > 1:
        raise InvoicingError(
            f"{name} has prefills for {month:%Y-%m} in {' and '.join(currencies)}; say in which currency."
        )
    chosen = currency or currencies[0]
    if chosen not in currencies:
        raise InvoicingError(f"{name} has no prefill for {month:%Y-%m} in {chosen}, only in {', '.join(currencies)}.")
    rows = _rows(connection, _READ, (client_id, month, chosen))
    if not rows:
        raise InvoicingError(f"The prefill of {name} for {month:%Y-%m} is being built; try again in a minute.")
    [(text, prefill_id, own_format, agency_format, billed_by)] = rows
    content = json.loads(text, parse_float=Decimal)
    lines = content["lines"]
    _refuse_half_built(content["prefill"], lines, name)
    head = content["prefill"]
    return Prefill(
        id=prefill_id,
        client_id=client_id,
        client=name,
        currency=chosen,
        month=month,
        subtotal=Decimal(head["subtotal"]),
        tax_rate=Decimal(head["tax_rate"]),
        tax=Decimal(head["tax"]),
        total=Decimal(head["total"]),
        payment_terms=content["payment_terms"],
        supply_from=min([month, *_days(lines, "period_start")]),
        supply_to=max([month.replace(day=monthrange(month.year, month.month)[1]), *_days(lines, "period_end")]),
        warnings=tuple(Warned(each["code"], each["detail"]) for each in content["warnings"]),
        lines=lines,
        seller=content["seller"],
        buyer=content["buyer"],
        number_format=_number_format(own_format or agency_format, "clients.csv" if own_format else "agency.csv"),
        has_own_series=own_format is not None,
        billed_by=billed_by,
        hash=hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS],
    )


def _number_format(text: str | None, file: str) -> NumberFormat | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise InvoicingError(f"{file}: invoice_number_format {error}.") from error


def _days(lines: Sequence[Mapping[str, Any]], name: str) -> list[date]:
    """What the periods of contracts on the lines say; other lines have none."""
    stated = [json.loads(line["billing_rule_snapshot"] or "{}").get(name) for line in lines]
    return [date.fromisoformat(day) for day in stated if day]


def _refuse_half_built(head: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], name: str) -> None:
    """A build replaces the tables one after the other; in between they do not belong together."""
    fits = sum((Decimal(line["line_total"]) for line in lines), Decimal(0)) == head["subtotal"]
    for line in lines:
        entries = line["entries"]
        fits &= all(entry["snapshot"] is not None and entry["amount"] is not None for entry in entries)
        if fits and entries:
            fits &= sum(entry["billable_seconds"] for entry in entries) == line["billable_seconds"]
            fits &= sum(entry["raw_seconds"] for entry in entries) == line["raw_seconds"]
            fits &= sum(Decimal(entry["amount"]) for entry in entries) == line["line_total"]
    if not fits:
        raise InvoicingError(
            f"The prefill of {name} does not add up with its lines, because the warehouse is being built or its last "
            "build failed; try again after a build that ended well."
        )


def _rows(connection: psycopg.Connection, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(query, values).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise InvoicingError(_NOT_BUILT) from error
