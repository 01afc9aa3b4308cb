"""What is outside of the house: a mailbox, a store of files, PlanFact and Didox, with faults on request."""

import email
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import orjson

from invoicing.delivery.codes import Codes
from invoicing.delivery.didox import DidoxChannel
from invoicing.delivery.mail import MailChannel, MailServer
from invoicing.delivery.planfact import PlanFactChannel
from invoicing.delivery.port import ChannelName
from invoicing.delivery.storage import StorageChannel
from sandbox.mailbox import Mailbox
from sandbox.server import SandboxServer
from sandbox.vendors import didox, planfact

SENDER = "Lanternworks <billing@lantern.example>"
LINES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "contragents": [{"contrAgentId": 101, "title": "Client 1 Ltd"}],
    "accounts": [{"accountId": 201, "title": "Account"}],
    "operationcategories": [{"operationCategoryId": planfact.INCOME, "title": "Services"}],
}


@dataclass
class Outside:
    """A sandbox with its mailbox, and the channels that lead into it."""

    server: SandboxServer
    mailbox: Mailbox
    files: Path

    @property
    def mail(self) -> MailChannel:
        """E-mail."""
        return MailChannel(MailServer(self.mailbox.url, SENDER))

    @property
    def storage(self) -> StorageChannel:
        """A folder."""
        return StorageChannel(str(self.files))

    @property
    def object_store(self) -> StorageChannel:
        """The same in a bucket."""
        keys = {"access_key_id": "AK", "secret_access_key": "SK", "region": "auto"}
        return StorageChannel("s3://bucket/invoices", {"endpoint": f"{self.server.url}/s3", **keys})

    @property
    def planfact(self) -> PlanFactChannel:
        """Planned incomes; every client of the tests is counterparty 101."""
        codes = {("account", "usd"): "201", ("category", "income"): str(planfact.INCOME)}
        clients = {("client", f"c{number:04}"): "101" for number in range(1, 500)}
        return PlanFactChannel(planfact.API_KEY, Codes("planfact", codes | clients), f"{self.server.url}/planfact")

    @property
    def didox(self) -> DidoxChannel:
        """Drafts to sign."""
        codes = {("service", "default"): didox.SERVICE}
        clients = {("client", f"c{number:04}"): didox.buyer_tin(number) for number in range(1, 500)}
        return DidoxChannel(
            didox.PARTNER_TOKEN,
            didox.SELLER_TIN,
            didox.PASSWORD,
            Codes("didox", codes | clients),
            f"{self.server.url}/didox",
        )

    def fails(self, channel: ChannelName, **fault: Any) -> None:
        """Have the other side fail once, or as the fault says."""
        vendor = {"email": "mailbox", "storage": "s3", "accounting": "planfact", "e_document": "didox"}[channel]
        self.server.faults.add([{"vendor": vendor, **fault}])

    def mails(self, number: str) -> list[EmailMessage]:
        """What has arrived about an invoice."""
        messages = [email.message_from_bytes(content, policy=default) for content in self.mailbox.messages()]
        return [one for one in messages if isinstance(one, EmailMessage) and number in str(one["Subject"]).split()]

    def operations(self, invoice_id: str) -> list[dict[str, Any]]:
        """The operations of an invoice in PlanFact."""
        file = self.server.folder / "planfact" / "operations.jsonl"
        lines = file.read_bytes().splitlines() if file.exists() else []
        return [one for one in map(orjson.loads, lines) if one["externalId"] == invoice_id]


def lay_out(folder: Path) -> None:
    """Write the dataset that the sandbox serves."""
    (folder / "planfact").mkdir(parents=True)
    for name, lines in LINES.items():
        text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        (folder / "planfact" / f"{name}.jsonl").write_bytes(text)
