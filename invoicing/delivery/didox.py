"""Channel `e_document`: an issued invoice as a draft in Didox, to be signed by a person (vendors, chapter 9).

The key of the signature never comes here: what is to be signed is kept with the delivery, and the signature that
E-IMZO makes of it on a person's machine is handed in as a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

import psycopg
from psycopg.types.json import Jsonb

from invoicing.delivery.codes import Codes
from invoicing.delivery.dispatch import Delivery, list_deliveries
from invoicing.delivery.http import call
from invoicing.delivery.port import (
    ChannelName,
    NotSentError,
    Parcel,
    Recipient,
    RefusedError,
    UncertainError,
)
from invoicing.errors import InvoicingError

BASE_URL: Final = "https://api-partners.didox.uz"
_INVOICE: Final = "002"
_LANGUAGE: Final = "ru"
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True)
class DidoxChannel:
    """Drafts of invoices in Didox.

    Args:
        partner_token: of the agency's access.
        tin: taxpayer's number of the agency.
        password: of its login.
        codes: `service` codes `CatalogCode/PackageCode/PackageName`, for the key `default`; `client` codes are
            the buyers' TINs.
        base_url: where its interface is; its test servers have other addresses.
    """

    partner_token: str = field(repr=False)
    tin: str
    password: str = field(repr=False)
    codes: Codes
    base_url: str = BASE_URL
    name: ChannelName = "e_document"

    def target(self, recipient: Recipient, /) -> str:
        """The buyer's TIN."""
        if recipient.kind == "credit_note":
            raise RefusedError("a credit note is entered in Didox by hand, as a correction of its invoice")
        return self.codes.code("client", recipient.account_number or recipient.client_id, recipient.name)

    def send(self, parcel: Parcel, /) -> str:
        """Create the draft."""
        body = self._draft(parcel)
        answer = self._call("POST", f"/v1/documents/{_INVOICE}/create/{_LANGUAGE}", body)
        document_id = answer.get("_id") or answer.get("id") or answer.get("doc_id")
        if not document_id:
            raise UncertainError("Didox answers without the identifier of the draft")
        return str(document_id)

    def find(self, parcel: Parcel, /) -> str | None:
        """Didox has no key by which a draft could be found again."""
        raise UncertainError(f"look in Didox for a draft of {parcel.contents.number}")

    def to_sign(self, document_id: str) -> str:
        """What is to be signed, in base64.

        Raises:
            NotSentError: Didox cannot be reached.
            RefusedError: Didox does not have it.
        """
        answer = self._call("GET", f"/v1/documents/{document_id}/documentBase64")
        text = answer.get("data") or answer.get("documentBase64") or answer.get("base64")
        if not isinstance(text, str):
            raise NotSentError("Didox answers without the document to sign")
        return text

    def sign(self, document_id: str, signature: str) -> None:
        """Hand a signature in.

        Args:
            document_id: of the draft.
            signature: PKCS#7 in base64, as E-IMZO makes it.

        Raises:
            NotSentError: Didox cannot be reached; nothing has left.
            RefusedError: Didox does not accept it.
            UncertainError: it may have arrived.
        """
        self._call("POST", f"/v1/documents/{document_id}/sign", {"signature": signature})

    def _draft(self, parcel: Parcel) -> Mapping[str, Any]:
        """The draft's JSON. What is marked as inferred in chapter 9 of the vendors is not documented by Didox."""
        contents = parcel.contents
        catalog, package, unit = self._service()
        has_vat = bool(contents.tax_rate)
        products = []
        tax_left = contents.tax
        for number, line in enumerate(contents.lines, 1):
            tax = (line.amount * contents.tax_rate).quantize(_CENT)
            # The lines' tax sums to that of the invoice.
            tax = tax_left if number == len(contents.lines) else tax
            tax_left -= tax
            products.append(
                {
                    "OrdNo": str(number),
                    "CatalogCode": catalog,
                    "CatalogName": "",
                    "Name": line.description[:500],
                    "PackageCode": package,
                    "PackageName": unit,
                    "Count": str(line.quantity),
                    "Summa": str(line.rate),
                    "TotalSumWithoutVat": str(line.amount),
                    "VatRate": f"{contents.tax_rate * 100:.2f}",
                    "VatSum": str(tax),
                    "TotalSum": str(line.amount + tax),
                    "WithoutVat": not has_vat,
                }
            )
        return {
            "SellerTin": self.tin,
            "BuyerTin": parcel.target,
            "FacturaDoc": {"FacturaNo": parcel.invoice.number, "FacturaDate": parcel.invoice.issue_date.isoformat()},
            "ContractDoc": {
                "ContractNo": contents.buyer_reference or parcel.invoice.number,
                "ContractDate": contents.supply_from.isoformat(),
            },
            "ProductList": {"Tin": self.tin, "HasVat": has_vat, "Products": products},
        }

    def _service(self) -> tuple[str, str, str]:
        code = self.codes.code("service", "default")
        parts = code.split("/")
        if len(parts) != 3 or len(parts[0]) != 17 or not parts[0].isdigit():
            raise RefusedError(
                f"the code {code} of didox for service default in accounting_codes.csv is not of the form "
                "CATALOG/PACKAGE/UNIT with a catalog code of 17 digits"
            )
        return parts[0], parts[1], parts[2]

    def _call(self, method: Literal["GET", "POST"], path: str, body: Any = None) -> Any:
        session = call(
            "Didox",
            "POST",
            f"{self.base_url}/v1/auth/{self.tin}/password/{_LANGUAGE}",
            headers={"Partner-Authorization": self.partner_token},
            json={"password": self.password},
            only_reads=True,
        )
        token = session.get("token") if isinstance(session, dict) else None
        if not token:
            raise RefusedError("Didox does not accept DIDOX_TIN and DIDOX_PASSWORD")
        return call(
            "Didox",
            method,
            self.base_url + path,
            headers={"Partner-Authorization": self.partner_token, "user-key": token},
            json=body,
            only_reads=method == "GET",
        )


def keep_to_sign(connection: psycopg.Connection, channel: DidoxChannel, number: str) -> bytes:
    """What is to be signed for an invoice; fetched once, then kept with its delivery.

    Args:
        connection: of role owner.
        channel: Didox.
        number: of the invoice.

    Raises:
        InvoicingError: there is no draft, or Didox cannot be reached.
    """
    delivery, document_id = _draft_of(connection, number)
    [(kept,)] = connection.execute("select to_sign from billing.deliveries where id = %s", (delivery.id,)).fetchall()
    if kept is not None:
        return str(kept).encode()
    try:
        text = channel.to_sign(document_id)
    except (NotSentError, RefusedError) as error:
        raise InvoicingError(f"What is to be signed for {number} cannot be fetched: {error}.") from error
    connection.execute("update billing.deliveries set to_sign = %s where id = %s", (text, delivery.id))
    return text.encode()


def hand_in(
    connection: psycopg.Connection, channel: DidoxChannel, number: str, signature: bytes, *, actor: str
) -> Delivery:
    """Hand the signature of an invoice in and keep it.

    Args:
        connection: of role owner.
        channel: Didox.
        number: of the invoice.
        signature: PKCS#7 in base64.
        actor: who has signed.

    Raises:
        InvoicingError: there is no draft, it was signed before, or Didox does not accept the signature.
    """
    delivery, document_id = _draft_of(connection, number)
    [(signed_at,)] = connection.execute(
        "select signed_at from billing.deliveries where id = %s", (delivery.id,)
    ).fetchall()
    if signed_at is not None:
        raise InvoicingError(f"{number} was signed on {signed_at:%Y-%m-%d %H:%M} UTC.")
    try:
        text = "".join(signature.decode("ascii").split())
        channel.sign(document_id, text)
    except UnicodeDecodeError:
        raise InvoicingError("The file of the signature is not base64, as E-IMZO makes it.") from None
    except UncertainError as error:
        raise InvoicingError(f"{number} may be signed or not: {error}; look in Didox before you try again.") from error
    except (NotSentError, RefusedError) as error:
        raise InvoicingError(f"{number} is not signed: {error}.") from error
    with connection.transaction():
        connection.execute(
            "update billing.deliveries set signature = %s, signed_at = clock_timestamp() where id = %s",
            (text, delivery.id),
        )
        connection.execute(
            "insert into billing.invoice_events (invoice_id, event_type, actor, payload)"
            " values (%s, 'delivery', %s, %s)",
            (
                delivery.invoice_id,
                actor,
                Jsonb({"delivery": delivery.id, "channel": delivery.channel, "signed": True}),
            ),
        )
    return delivery


def _draft_of(connection: psycopg.Connection, number: str) -> tuple[Delivery, str]:
    """The newest draft of an invoice, and its identifier in Didox."""
    for delivery in reversed(list_deliveries(connection, number)):
        if delivery.channel == "e_document" and delivery.state == "delivered" and delivery.external_id:
            return delivery, delivery.external_id
    raise InvoicingError(
        f"{number} has no draft in Didox; `workledger invoice deliver {number} --channel e_document` creates one."
    )
