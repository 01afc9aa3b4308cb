"""Where alerts go: a mail server and a webhook, as far as they are set."""

import hashlib
import ipaddress
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from orchestration.errors import WorkledgerError
from orchestration.settings import Settings
from sources.kit.visible import visible

_TIMEOUT_SECONDS: Final = 20.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


class NotSentError(WorkledgerError):
    """A message was certainly not sent; it may be tried again."""


class PerhapsSentError(WorkledgerError):
    """The answer to a message was lost; to send it again might send it twice."""


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


class Channel(Protocol):
    """Carries messages to people."""

    @property
    def name(self) -> str:
        """Its name in sentences and in the record of what was sent."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            NotSentError: it was not sent; says why.
            PerhapsSentError: nobody knows whether it was sent.
        """


def open_channels(settings: Settings) -> Sequence[Channel]:
    """Return the channels that are set; nothing is connected."""
    found: list[Channel] = []
    if settings.smtp_dsn and settings.mail_from and settings.alert_mail_to:
        found.append(Mail(settings.smtp_dsn, settings.mail_from, settings.alert_mail_to))
    if settings.alert_webhook:
        found.append(Webhook(settings.alert_webhook))
    return found


class Mail:
    """Sends messages by SMTP, encrypted wherever a password or the server asks for it."""

    name: Final = "mail"

    def __init__(self, dsn: str, sender: str, receivers: Sequence[str]) -> None:
        """Take the address of the server, such as `smtp://user:password@host:587`, and who writes to whom."""
        self._address = urlsplit(dsn)
        self._sender = sender
        self._receivers = receivers

    def send(self, message: Message) -> None:
        """Send a message; its Message-ID comes from its key."""
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._receivers)
        mail["Subject"] = visible(" ".join(message.subject.split()))
        mail["Date"] = formatdate(usegmt=True)
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(visible(message.text))
        handed_over = False
        try:
            with self._connected() as server:
                handed_over = True
                refused = server.send_message(mail)
        except (smtplib.SMTPException, OSError) as error:
            lost = isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected | ConnectionError)
            kind = PerhapsSentError if handed_over and lost else NotSentError
            raise kind(f"The mail server at {self._place} does not take the message ({_reason(error)}).") from None
        if refused:
            raise PerhapsSentError(f"The mail server at {self._place} does not deliver to {', '.join(refused)}.")

    @property
    def _place(self) -> str:
        return f"{self._address.hostname}:{self._port}"

    @property
    def _port(self) -> int:
        return self._address.port or _PORTS[self._address.scheme]

    def _connected(self) -> smtplib.SMTP:
        host = self._address.hostname or ""
        if self._address.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, self._port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            is_encrypted = self._address.scheme == "smtps"
            server.ehlo()
            if not is_encrypted and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
                is_encrypted = True
            if self._address.username:
                if not is_encrypted and not _is_this_machine(host):
                    raise smtplib.SMTPException("it offers no encryption, so the password was not sent")
                server.login(unquote(self._address.username), unquote(self._address.password or ""))
        except BaseException:
            server.close()
            raise
        return server


class Webhook:
    """Posts messages as JSON: `text`, which Slack, Mattermost and others show, with `subject` and `key`."""

    name: Final = "webhook"

    def __init__(self, address: str) -> None:
        """Take the address; it is a secret and never repeated."""
        self._address = address

    def send(self, message: Message) -> None:
        """Post a message."""
        # Imported here, because a run that finds nothing to do needs none of it.
        import requests

        body = {
            "text": f"{visible(message.subject)}\n{visible(message.text)}",
            "subject": visible(message.subject),
            "key": message.key,
        }
        host = urlsplit(self._address).hostname
        try:
            answer = requests.post(
                self._address,
                json=body,
                headers={"Idempotency-Key": message.key},
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except (requests.ConnectTimeout, requests.exceptions.SSLError):
            raise NotSentError(f"The webhook at {host} cannot be reached.") from None
        except requests.ReadTimeout:
            raise PerhapsSentError(f"The webhook at {host} does not answer.") from None
        except requests.ConnectionError as error:
            # One that was cut off in the middle says so; any other was never made.
            cut_off = "aborted" in str(error) or "reset" in str(error).lower()
            kind = PerhapsSentError if cut_off else NotSentError
            raise kind(f"The webhook at {host} cannot be reached.") from None
        except requests.RequestException as error:
            raise NotSentError(f"The webhook at {host} cannot be used ({type(error).__name__}).") from None
        if not 200 <= answer.status_code < 300:
            raise NotSentError(f"The webhook at {host} refuses the message (status {answer.status_code}).")


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return visible(f"{error.smtp_code} {' '.join(said.split())}")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it refuses {', '.join(error.recipients)}"
    return visible(" ".join(str(error).split())) or type(error).__name__


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
