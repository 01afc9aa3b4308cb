"""`workledger report`: reports on contracts' periods, written as e-mails that a person sends."""

from collections.abc import Sequence
from pathlib import Path

from invoicing import contract_reports
from orchestration.commands.decisions import Notify, opened, print_table, say
from orchestration.errors import WorkledgerError
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


def send(settings: Settings, folder: Path, periods: Sequence[str], notify: Notify) -> None:
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
