"""Reports on contracts' periods by e-mail: each is sent at most once, like an invoice (rule 10.26)."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import psycopg

from invoicing.contract_reports import Report, state
from invoicing.delivery.dispatch import State, held
from invoicing.delivery.mail import MailServer, bare_address, message_id
from invoicing.delivery.port import NotSentError, RefusedError, UncertainError
from invoicing.errors import InvoicingError


def send_report(connection: psycopg.Connection, report: Report, server: MailServer) -> tuple[State, str | None]:
    """Send the report on a period, unless it was sent or nobody knows whether it was.

    Args:
        connection: of role owner, in autocommit and in no transaction.
        report: what is sent.
        server: by which server.

    Returns:
        What became of it, and why where it has not arrived.
    """
    key = f"contract_report:{report.contract_period_id}"
    with held(connection, key) as is_held:
        known = state(connection, report.contract_period_id)
        if not is_held or known == "delivered":
            return ("delivered" if known == "delivered" else "sending"), None
        if known in ("sending", "unknown"):
            _set(connection, report, "unknown")
            return "unknown", "it was being sent when the process died, or the connection broke"
        try:
            message = _message(report, server, key)
        except RefusedError as error:
            return "failed", str(error)
        connection.execute(
            "insert into billing.contract_reports"
            " (id, contract_period_id, recipient, sha256, idempotency_key, state)"
            " values (%s, %s, %s, %s, %s, 'sending')"
            " on conflict (contract_period_id) do update set state = 'sending'",
            (report.id, report.contract_period_id, report.recipient, report.sha256, key),
        )
        try:
            server.send(message, report.recipient)
        except (NotSentError, RefusedError) as error:
            _set(connection, report, "failed")
            return "failed", str(error)
        except UncertainError as error:
            _set(connection, report, "unknown")
            return "unknown", str(error)
        _set(connection, report, "delivered")
        return "delivered", None


def settle_report(connection: psycopg.Connection, contract_period_id: str, *, arrived: bool) -> None:
    """Say whether a report of which nobody knew has arrived; if not, it can be sent again.

    Args:
        connection: of role owner.
        contract_period_id: PER-….
        arrived: whether it had.

    Raises:
        InvoicingError: its outcome is known, or nobody has sent it.
    """
    settled = connection.execute(
        "update billing.contract_reports set state = %s, sent_at = case when %s then clock_timestamp() end"
        " where contract_period_id = %s and state in ('unknown', 'sending')",
        ("delivered" if arrived else "failed", arrived, contract_period_id),
    ).rowcount
    if not settled:
        raise InvoicingError(f"Of the report on {contract_period_id} nothing is unknown.")


def _message(report: Report, server: MailServer, key: str) -> EmailMessage:
    bare_address(report.recipient, "notification_email in contracts.csv")
    message = message_from_bytes(report.message, _class=EmailMessage, policy=SMTP)
    del message["Message-ID"]
    message["Message-ID"] = message_id(server.sender, key)
    message["From"] = server.sender
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Auto-Submitted"] = "auto-generated"
    return message


def _set(connection: psycopg.Connection, report: Report, became: State) -> None:
    connection.execute(
        "update billing.contract_reports set state = %s,"
        " sent_at = case when %s then clock_timestamp() end where contract_period_id = %s",
        (became, became == "delivered", report.contract_period_id),
    )
