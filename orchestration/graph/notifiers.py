"""Who gets alerts: each address by mail, and a webhook, as far as they are set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlsplit

from invoicing.delivery.mail import MailServer, compose
from invoicing.delivery.port import NotSentError, UncertainError
from orchestration.settings import Settings
from sources.kit.visible import visible

_TIMEOUT_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Message:
    """What is said.

    Attributes:
        key: the same for the same message, by which a receiver recognizes a repetition.
        subject: one line.
        text: lines.
    """

    key: str
    subject: str
    text: str


class Notifier(Protocol):
    """Carries messages to one place."""

    @property
    def name(self) -> str:
        """Its name in sentences and in the record of what was told."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            NotSentError: nothing was sent; it can be tried again.
            RefusedError: nothing was sent, and nothing will be until somebody mends what the message names.
            UncertainError: nobody knows whether it was sent.
        """


def open_notifiers(settings: Settings) -> Sequence[Notifier]:
    """Return those that are set; nothing is connected.

    Each address has one of its own, so that one that is refused keeps nothing from the others.
    """
    found: list[Notifier] = []
    if settings.smtp_dsn and settings.mail_from:
        server = MailServer(settings.smtp_dsn, settings.mail_from)
        found += [MailNotifier(server, address) for address in settings.alert_mail_to]
    if settings.alert_webhook:
        found.append(WebhookNotifier(settings.alert_webhook))
    return found


@dataclass(frozen=True)
class MailNotifier:
    """Sends messages to one address, through the server that mails invoices."""

    server: MailServer
    address: str

    @property
    def name(self) -> str:
        """Its name, with the address."""
        return f"mail to {self.address}"

    def send(self, message: Message) -> None:
        """Send a message; its Message-ID comes from its key."""
        text = visible(message.text)
        self.server.send(compose(self.server.sender, self.address, message.subject, text, message.key), self.address)


@dataclass(frozen=True)
class WebhookNotifier:
    """Posts messages as JSON: `text`, which Slack, Mattermost and others show, with `subject` and `key`."""

    url: str = field(repr=False)
    """A secret, which is never repeated."""
    name: str = "webhook"

    def send(self, message: Message) -> None:
        """Post a message."""
        # Imported here, because a run that finds nothing to do needs none of it.
        import requests

        body = {
            "text": f"{visible(message.subject)}\n{visible(message.text)}",
            "subject": visible(message.subject),
            "key": message.key,
        }
        host = urlsplit(self.url).hostname
        try:
            answer = requests.post(
                self.url,
                json=body,
                headers={"Idempotency-Key": message.key},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except (requests.ConnectTimeout, requests.exceptions.SSLError):
            raise NotSentError(f"the webhook at {host} cannot be reached") from None
        except requests.ReadTimeout:
            raise UncertainError(f"the webhook at {host} does not answer") from None
        except requests.ConnectionError as error:
            # One that was cut off in the middle says so; any other was never made.
            cut_off = "aborted" in str(error) or "reset" in str(error).lower()
            kind = UncertainError if cut_off else NotSentError
            raise kind(f"the webhook at {host} cannot be reached") from None
        except requests.RequestException as error:
            raise NotSentError(f"the webhook at {host} cannot be used ({type(error).__name__})") from None
        if not 200 <= answer.status_code < 300:
            raise NotSentError(f"the webhook at {host} refuses the message (status {answer.status_code})")
