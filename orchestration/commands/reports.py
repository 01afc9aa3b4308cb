"""`workledger report`: reports on contracts' periods, by e-mail or as files that a person sends."""

from collections.abc import Sequence
from pathlib import Path

from invoicing import contract_reports
from invoicing.delivery.mail import MailChannel
from invoicing.delivery.reports import send_report, settle_report
from invoicing.errors import InvoicingError
from orchestration.commands.decisions import Notify, opened, print_table, say
from orchestration.errors import WorkledgerError
from orchestration.inputs.channels import open_channels
from orchestration.settings import Settings


def due(settings: Settings, notify: Notify) -> None:
    """Print the reports that are to be sent."""
    with opened(settings, notify) as (connection, _):
        found = contract_reports.due(connection)
    if not found:
        say("No report is due.")
        return
    print_table(
        ("period", "client", "contract", "from", "to", "due", "hours", "beyond", "to send to"),
        [
            (
                one.contract_period_id,
                one.client,
                one.contract,
                one.period_start,
                one.period_end,
                one.due_on,
                f"{one.used_hours:.2f}",
                f"{one.overage_hours:.2f}",
                one.notification_email,
            )
            for one in found
        ],
    )


def send(settings: Settings, periods: Sequence[str], notify: Notify) -> bool:
    """Send reports by e-mail; returns whether all of them have arrived.

    Raises:
        InvoicingError: no mail server is set up.
    """
    all_arrived = True
    with opened(settings, notify) as (connection, _):
        mail = [one for one in open_channels(settings, connection, notify) if isinstance(one, MailChannel)]
        if not mail:
            raise InvoicingError(
                "No mail server is set up; set SMTP_DSN and MAIL_FROM, or write files with --into DIR."
            )
        chosen = periods or [one.contract_period_id for one in contract_reports.due(connection)]
        for period in chosen:
            report = contract_reports.compose(connection, period)
            became, why = send_report(connection, report, mail[0].server)
            all_arrived &= became == "delivered"
            say(f"The report on {period} to {report.recipient}: {became}{f', {why}' if why else ''}.")
            if became == "unknown":
                say(f"Ask, then say `workledger report arrived {period}` (or --not).")
    if not chosen:
        say("No report is due.")
    return all_arrived


def settle(settings: Settings, period: str, arrived: bool, notify: Notify) -> None:
    """Say what became of a report that nobody knew of."""
    with opened(settings, notify) as (connection, _):
        settle_report(connection, period, arrived=arrived)
    say(f"The report on {period} {'has arrived' if arrived else 'has not arrived and can be sent again'}.")


def write(settings: Settings, folder: Path, periods: Sequence[str], notify: Notify) -> None:
    """Write reports into a folder, each before it is marked as sent, so that none is marked and missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkledgerError(f"{folder} cannot be written ({error.strerror}); name another folder.") from None
    with opened(settings, notify) as (connection, _):
        chosen = periods or [one.contract_period_id for one in contract_reports.due(connection)]
        for period in chosen:
            if contract_reports.state(connection, period) == "delivered":
                say(f"The report on {period} was sent before.")
                continue
            report = contract_reports.compose(connection, period)
            file = folder / f"{period}.eml"
            file.write_bytes(report.message)
            contract_reports.record(connection, report)
            say(f"{file} is the report to {report.recipient}: {report.subject}. It is marked as sent.")
    if not chosen:
        say("No report is due.")
