"""The port of a channel: it hands one invoice to somebody outside and says what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from invoicing.paper.contents import Contents
from invoicing.paper.documents import Document
from invoicing.records import Invoice

ChannelName = Literal["email", "storage", "accounting", "e_document"]


class NotSentError(Exception):
    """Nothing has left the house; the same can be tried again later."""


class RefusedError(Exception):
    """Nothing has left the house, and trying again changes nothing until somebody mends what the message names."""


class UncertainError(Exception):
    """It may have arrived, or it may not: nobody here can tell."""


@dataclass(frozen=True)
class Recipient:
    """The client of an invoice as `clients.csv` has it today, so that a corrected address counts."""

    client_id: str
    name: str
    account_number: str
    email: str | None
    currency: str
    """Of the invoice."""
    kind: Literal["invoice", "credit_note"]


@dataclass(frozen=True)
class Parcel:
    """What is handed over: an invoice with its documents, and the key by which a repetition is known."""

    key: str
    target: str
    """Where it goes: an address, a folder, an account."""
    invoice: Invoice
    contents: Contents
    documents: Sequence[Document]


class Channel(Protocol):
    """One way out of the house."""

    @property
    def name(self) -> ChannelName:
        """Its name in `billing.deliveries`."""

    def target(self, recipient: Recipient, /) -> str:
        """Where an invoice for this client goes.

        Raises:
            RefusedError: something is missing; names the cell or setting.
        """

    def send(self, parcel: Parcel, /) -> str:
        """Hand the parcel over; returns the identifier that it has outside.

        Raises:
            NotSentError: nothing has left the house, and it can be tried again.
            RefusedError: the other side will not take it as it is.
            UncertainError: it may have arrived.
        """

    def find(self, parcel: Parcel, /) -> str | None:
        """The identifier that the parcel has outside, if it has arrived; asked when nobody knows.

        Raises:
            NotSentError: it certainly has not arrived, or sending it again changes nothing.
            UncertainError: that cannot be told.
        """
