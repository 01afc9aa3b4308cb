"""Channel `email`: an invoice by SMTP, its documents attached.

SMTP has no way to send at most once and at least once. A message is known by its Message-ID, which is made from the
delivery's key; what breaks off after the message began to leave is `unknown`, and is not repeated without a person.
"""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final
from urllib.parse import unquote, urlsplit

from invoicing.delivery.letters import letter
from invoicing.delivery.port import ChannelName, NotSentError, Parcel, Recipient, RefusedError, UncertainError

_TIMEOUT_SECONDS: Final = 30.0
_PORTS: Final = {"smtp": 587, "smtps": 465}
_ADDRESS: Final = re.compile(r"[^\s@<>(),;:\"\\\[\]]+@[^\s@<>(),;:\"\\\[\]]+")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class MailServer:
    """An SMTP server and the sender that it knows.

    Args:
        url: `smtp://user:password@host:587` (STARTTLS, except on this machine) or `smtps://…:465` (TLS at once);
            special characters in user and password are percent-encoded.
        sender: the From address, `Name <address>` or an address alone.
    """

    url: str = field(repr=False)
    sender: str

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand a message to the server; returns once the server has taken it.

        Args:
            message: with every header that it is to have.
            recipient: one address.

        Raises:
            NotSentError: the server cannot be reached or asks to come back later.
            RefusedError: the server takes neither sender, recipient nor message, or not the login.
            UncertainError: the connection broke while the message was leaving.
        """
        content = message.as_bytes(policy=SMTP)
        address = parseaddr(self.sender)[1]
        with self._connected() as connection:
            try:
                _expect(connection.mail(address), f"the sender {address}")
                _expect(connection.rcpt(recipient), f"the recipient {recipient}")
            except OSError as error:
                raise NotSentError(f"{self._place} broke the connection off ({_reason(error)})") from error
            try:
                answer = connection.data(content)
            except smtplib.SMTPDataError as error:
                # It did not even want the message to begin.
                _expect((error.smtp_code, error.smtp_error), "the message")
            except OSError as error:
                raise UncertainError(
                    f"{self._place} broke the connection off while it took the message ({_reason(error)})"
                ) from error
            else:
                _expect(answer, "the message")

    @property
    def _place(self) -> str:
        parts = urlsplit(self.url)
        return f"SMTP server {parts.hostname}:{parts.port or _PORTS[parts.scheme]}"

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        try:
            connection = self._open(parts.scheme, host, port)
        except smtplib.SMTPException as error:
            kind = NotSentError if _is_passing(error) else RefusedError
            raise kind(f"{self._place} does not let us in ({_reason(error)})") from error
        except ssl.SSLError as error:
            raise RefusedError(f"{self._place} cannot prove who it is ({_reason(error)})") from error
        except OSError as error:
            raise NotSentError(f"{self._place} cannot be reached ({_reason(error)})") from error
        try:
            if parts.username:
                self._log_in(connection, unquote(parts.username), unquote(parts.password or ""))
            yield connection
        finally:
            # What it answers to the goodbye changes nothing any more.
            with suppress(OSError):
                connection.quit()

    def _open(self, scheme: str, host: str, port: int) -> smtplib.SMTP:
        if scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=context)
        connection = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
        connection.ehlo()
        if host not in _LOCAL:
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
        return connection

    def _log_in(self, connection: smtplib.SMTP, user: str, password: str) -> None:
        try:
            connection.login(user, password)
        except smtplib.SMTPException as error:
            if _is_passing(error):
                raise NotSentError(f"{self._place} takes no login now ({_reason(error)})") from error
            raise RefusedError(
                f"{self._place} does not accept the login of SMTP_DSN ({_reason(error)}); correct user and password"
            ) from error
        except OSError as error:
            raise NotSentError(f"{self._place} broke the connection off ({_reason(error)})") from error


def compose(sender: str, recipient: str, subject: str, text: str, key: str) -> EmailMessage:
    """A plain message; the same key gives the same Message-ID.

    Raises:
        RefusedError: the recipient is no address.
    """
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(sender, key)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["From"] = sender
    message["To"] = bare_address(recipient, "the recipient")
    message["Subject"] = one_line(subject)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, charset="utf-8", cte="base64")
    return message


def message_id(sender: str, key: str) -> str:
    """The Message-ID of what is sent under a key."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def bare_address(text: str, place: str) -> str:
    """An address alone; a name around it, or a second address, would be somebody else's text in the protocol.

    Args:
        text: as it was given.
        place: where, for the message.

    Raises:
        RefusedError: it is none.
    """
    if not _ADDRESS.fullmatch(text):
        raise RefusedError(f"{one_line(text)} ({place}) is no e-mail address")
    if not text.isascii():
        raise RefusedError(f"{text} ({place}) is no e-mail address that every mail server takes")
    return text


def one_line(text: str) -> str:
    """Text as a header takes it: on one line, without control characters, at most 200 characters."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()[:200]


@dataclass(frozen=True)
class MailChannel:
    """Invoices by e-mail, with a letter in the client's language."""

    server: MailServer
    name: ChannelName = "email"

    def target(self, recipient: Recipient, /) -> str:
        """The client's address."""
        if not recipient.email:
            raise RefusedError(
                f"{recipient.name} has no e-mail address; fill in email in client_contacts.csv or in clients.csv"
            )
        return bare_address(recipient.email.strip(), f"the address of {recipient.name}")

    def send(self, parcel: Parcel, /) -> str:
        """Send the letter with every document of the invoice."""
        subject, text = letter(parcel.contents)
        message = compose(self.server.sender, parcel.target, subject, text, parcel.key)
        for document in parcel.documents:
            main_type, _, sub_type = document.media_type.partition("/")
            message.add_attachment(document.content, maintype=main_type, subtype=sub_type, filename=document.file_name)
        self.server.send(message, parcel.target)
        return str(message["Message-ID"])

    def find(self, parcel: Parcel, /) -> str | None:
        """Nobody can look into somebody else's mailbox."""
        raise UncertainError(f"ask {parcel.target} whether the message has arrived")


# --- from here on: how it is done ---------------------------------------------------------------------------------


def _expect(answer: tuple[int, bytes | str], what: str) -> None:
    code, text = answer
    if code in (250, 251):
        return
    said = f"{code} {one_line(text if isinstance(text, str) else text.decode(errors='replace'))}"
    if 400 <= code < 500:
        raise NotSentError(f"the mail server does not take {what} now ({said})")
    raise RefusedError(f"the mail server refuses {what} ({said})")


def _is_passing(error: smtplib.SMTPException) -> bool:
    """Whether the server may answer otherwise later: it hung up, or said so by its code."""
    if isinstance(error, smtplib.SMTPResponseException):
        return 400 <= error.smtp_code < 500
    return isinstance(error, smtplib.SMTPServerDisconnected)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return one_line(f"{error.smtp_code} {said}")
    return one_line(str(error)) or type(error).__name__
