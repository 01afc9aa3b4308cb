"""The command line `workledger`: reads arguments, prints results; what a command does is in the module that it calls.

Each command imports the libraries that it needs, so that `--help` and `dsn` answer at once.
"""

import contextlib
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from orchestration.errors import WorkledgerError
from sources.kit.visible import visible

if TYPE_CHECKING:
    from orchestration.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
ROLE_NAMES: Final = ("loader", "transformer", "analyst", "bi", "finance", "owner")
_INTERRUPTED: Final = 130
# How many objects are made between two collections of garbage; Python's own 700 suit a process of a few modules.
_OBJECTS_PER_COLLECTION: Final = 20_000
# Exit codes of a server that the user stopped.
_STOPPED_BY_USER: Final = (0, -signal.SIGINT, -signal.SIGTERM, _INTERRUPTED)


class _Failed(click.exceptions.Exit):
    """The command has printed what is wrong and ends with code 1."""

    def __init__(self) -> None:
        super().__init__(1)


def _debug_option(command: Command) -> Command:
    def remember(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.find_root().meta["debug"] = True

    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Show the whole traceback of a failure.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@_debug_option
def workledger() -> None:
    """The work-and-money warehouse of a software agency.

    `workledger run` lands and builds everything; without credentials it uses a made-up agency.
    """


@workledger.command()
@_debug_option
@click.option(
    "--select", "selection", metavar="SELECTION", help="Assets to materialize, in Dagster's selection syntax."
)
def run(selection: str | None) -> None:
    """Land what is new, then build and test the warehouse."""
    with _few_collections():
        from orchestration.commands.run import run as run_assets

    summary = run_assets(_settings(), selection)
    if summary.is_interrupted:
        sys.exit(_INTERRUPTED)
    if not summary.succeeded:
        raise _Failed


@workledger.command()
@_debug_option
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1024, 65535), help="Port of the UI.")
def ui(port: int) -> None:
    """Open Dagster's UI on 127.0.0.1 and start the warehouse; Ctrl-C ends the UI."""
    from orchestration.commands.ui import ui as open_ui

    free = _free_port_from(port)
    if free != port:
        _notify(f"Port {port} is taken by another program: the UI uses {free}.")
    open_ui(_settings(), free)


@workledger.command()
@_debug_option
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1024, 65535), help="Port of the pages.")
def docs(port: int) -> None:
    """Serve dbt's documentation of every table, column and test on 127.0.0.1; Ctrl-C ends it."""
    from orchestration.commands.docs import serve_docs

    serve_docs(_settings(), _free_port_from(port), _notify)


@workledger.command()
@_debug_option
@click.option("--port", default=8090, show_default=True, type=click.IntRange(1024, 65535), help="Port of the pages.")
def look(port: int) -> None:
    """Show pages of figures and charts on 127.0.0.1; Ctrl-C ends them."""
    from orchestration.commands.look import look as serve_pages

    serve_pages(_settings(), _free_port_from(port), _notify)


@workledger.command()
@_debug_option
@click.option("--role", default="analyst", show_default=True, type=click.Choice(ROLE_NAMES), help="Role to log in as.")
def dsn(role: Any) -> None:
    """Print the address of the warehouse for psql and BI tools; start the embedded server if it is not running."""
    from orchestration.warehouse.opening import open_warehouse

    click.echo(open_warehouse(_settings(), _notify).client_dsn(role))


@workledger.command()
@_debug_option
@click.argument("query")
@click.option("--role", default="analyst", show_default=True, type=click.Choice(ROLE_NAMES), help="Role to run it as.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV with a header row.")
@click.option("--json", "form", flag_value="json", help="Print a JSON array of objects.")
@click.option("--raw", is_flag=True, help="With --csv: cells as they are, without ' before what starts a formula.")
def sql(query: str, role: Any, form: str | None, raw: bool) -> None:
    """Run QUERY (`-` reads it from standard input) and print what it returns."""
    if raw and form != "csv":
        raise click.UsageError("--raw goes with --csv")
    from orchestration.commands.query import print_query
    from orchestration.warehouse.opening import open_warehouse

    text = sys.stdin.read() if query == "-" else query
    settings = _settings()
    print_query(open_warehouse(settings, _notify), role, text, form or "table", raw=raw)


@workledger.group()
@_debug_option
def invoice() -> None:
    """Turn a month's bill into an invoice, and follow it until it is paid."""


def _actor_option(command: Command) -> Command:
    return click.option("--as", "actor", metavar="NAME", help="Who decides; by default the user of this computer.")(
        command
    )


def _day(_: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise WorkledgerError(f"{parameter.opts[0]} {value} is not a date; write it like 2026-06-30.") from None


def _amount(_: click.Context, __: click.Parameter, value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation:
        raise WorkledgerError(f"{value} is no amount; write it like 1234.50.") from None


_file = click.Path(dir_okay=False, path_type=Path)
_date_option = click.option("--date", "issue_date", metavar="DATE", callback=_day, help="Its date; today if absent.")
_reason_option = click.option("--reason", required=True, help="Why; kept with the invoice.")


@invoice.command()
@_debug_option
@click.argument("client")
@click.argument("month", metavar="MONTH")
@click.option("--currency", help="ISO 4217 code, where the month has bills in several.")
@click.option("--pdf", metavar="FILE", type=_file, help="Write it as a PDF that says that it is a draft.")
def preview(client: str, month: str, currency: str | None, pdf: Path | None) -> None:
    """Show what would be invoiced to CLIENT for MONTH (2026-06), its warnings and its hash."""
    from orchestration.commands.invoices import preview as show_preview

    show_preview(_settings(), client, month, currency, pdf, _notify)


@invoice.command()
@_debug_option
@click.argument("client")
@click.argument("month", metavar="MONTH")
@click.option("--currency", help="ISO 4217 code, where the month has bills in several.")
@_date_option
@click.option("--expect", metavar="HASH", help="Hash of the preview; refuses if the bill has changed since.")
@click.option("--accept", multiple=True, metavar="WARNING", help="Code of a warning that was looked at.")
@click.option("--notes", help="Printed on the invoice.")
@click.option("--allow-zero", is_flag=True, help="Issue an invoice of 0.")
@_actor_option
def issue(client: str, month: str, actor: str | None, **options: Any) -> None:
    """Give the bill of CLIENT for MONTH a number, once however often it is called."""
    from orchestration.commands.invoices import issue as issue_invoice

    issue_invoice(_settings(), client, month, actor, options, _notify)


@invoice.command("list")
@_debug_option
@click.option("--client", help="Of one client alone.")
@click.option("--open", "only_open", is_flag=True, help="Only what is still to be paid.")
def list_(client: str | None, only_open: bool) -> None:
    """List invoices and credit notes, newest first."""
    from orchestration.commands.invoices import list_all

    list_all(_settings(), client, only_open, _notify)


@invoice.command()
@_debug_option
@click.argument("number")
@click.option("--pdf", metavar="FILE", type=_file, help="Write its PDF.")
@click.option("--xml", metavar="FILE", type=_file, help="Write its e-invoice in CII.")
@click.option("--ubl", metavar="FILE", type=_file, help="Write its e-invoice in UBL.")
@click.option("--appendix", metavar="FILE", type=_file, help="Write the PDF of its time entries.")
@click.option("--canceled", metavar="FILE", type=_file, help="Write the PDF that says that it is canceled.")
@_actor_option
def show(number: str, actor: str | None, **options: Path | None) -> None:
    """Show the lines, payments and history of invoice NUMBER, or write its documents to files."""
    from orchestration.commands.invoices import show as show_invoice
    from orchestration.commands.invoices import write_documents

    if files := {what: file for what, file in options.items() if file}:
        write_documents(_settings(), number, files, actor, _notify)
    else:
        show_invoice(_settings(), number, _notify)


@invoice.command("print")
@_debug_option
@_actor_option
def print_(actor: str | None) -> None:
    """Make the PDFs that could not be made when their documents were, as when Gotenberg was down."""
    from orchestration.commands.invoices import print_missing

    print_missing(_settings(), actor, _notify)


@invoice.command()
@_debug_option
@click.argument("number")
@_reason_option
@_actor_option
def cancel(number: str, reason: str, actor: str | None) -> None:
    """Cancel invoice NUMBER, which has not left the house; its month can be issued again."""
    from orchestration.commands.invoices import cancel as cancel_invoice

    cancel_invoice(_settings(), number, reason, actor, _notify)


@invoice.command()
@_debug_option
@click.argument("number")
@_reason_option
@_date_option
@_actor_option
def credit(number: str, reason: str, issue_date: date | None, actor: str | None) -> None:
    """Correct invoice NUMBER by a credit note of the whole; its month can be issued again."""
    from orchestration.commands.invoices import credit as credit_invoice

    credit_invoice(_settings(), number, reason, issue_date, actor, _notify)


@invoice.command()
@_debug_option
@click.argument("number")
@click.argument("amount", callback=_amount)
@click.option("--on", metavar="DATE", callback=_day, help="When the money came; today if absent.")
@click.option(
    "--method", default="wire", show_default=True, type=click.Choice(("ach", "card", "wire", "check", "other"))
)
@click.option("--reference", help="What the payer wrote.")
@_actor_option
def pay(number: str, amount: Decimal, actor: str | None, **options: Any) -> None:
    """Record that AMOUNT of invoice NUMBER was paid, or of a credit note paid back."""
    from orchestration.commands.invoices import pay as pay_invoice

    pay_invoice(_settings(), number, amount, actor, options, _notify)


@invoice.command("write-off")
@_debug_option
@click.argument("number")
@click.argument("amount", callback=_amount)
@_reason_option
@click.option("--on", metavar="DATE", callback=_day, help="As of when; today if absent.")
@_actor_option
def write_off(number: str, amount: Decimal, actor: str | None, **options: Any) -> None:
    """Give up AMOUNT of what is open on invoice NUMBER."""
    from orchestration.commands.invoices import write_off as write_off_invoice

    write_off_invoice(_settings(), number, amount, actor, options, _notify)


@invoice.command()
@_debug_option
@click.argument("number")
@_reason_option
@_actor_option
def dispute(number: str, reason: str, actor: str | None) -> None:
    """Record that the client disputes invoice NUMBER; no reminder of it is due until the dispute ends."""
    from orchestration.commands.invoices import dispute as dispute_invoice

    dispute_invoice(_settings(), number, reason, actor, _notify)


@invoice.command("end-dispute")
@_debug_option
@click.argument("number")
@_reason_option
@_actor_option
def end_dispute(number: str, reason: str, actor: str | None) -> None:
    """Record that the dispute of invoice NUMBER has ended."""
    from orchestration.commands.invoices import end_dispute as end_the_dispute

    end_the_dispute(_settings(), number, reason, actor, _notify)


@workledger.group()
@_debug_option
def cash() -> None:
    """Match bank deposits with open invoices, and decide about those that wait."""


@cash.command("match")
@_debug_option
@click.option("--dry-run", is_flag=True, help="Say what would be matched, and record nothing.")
@_actor_option
def match_deposits(dry_run: bool, actor: str | None) -> None:
    """Match deposits that have exactly one solution; the others wait in reports.unmatched_deposits."""
    from orchestration.commands.cash import match

    match(_settings(), dry_run, actor, _notify)


@cash.command()
@_debug_option
@click.argument("deposit")
@click.argument("targets", metavar="NUMBER...", nargs=-1, required=True)
@click.option("--remember", is_flag=True, help="The payer of this deposit pays for this client from now on.")
@_actor_option
def apply(deposit: str, targets: tuple[str, ...], remember: bool, actor: str | None) -> None:
    """Have DEPOSIT (TXN-...) pay the invoices NUMBER..., in this order.

    NUMBER can also be payments that were recorded by hand (PAY-...), which the deposit is; and DEPOSIT a payment of
    which something is left.
    """
    from orchestration.commands.cash import apply as apply_deposit

    apply_deposit(_settings(), deposit, targets, remember, actor, _notify)


@cash.command()
@_debug_option
@click.argument("payment")
@_reason_option
@click.option("--on", metavar="DATE", callback=_day, help="When the money went back; absent: it never came.")
@_actor_option
def undo(payment: str, reason: str, on: date | None, actor: str | None) -> None:
    """Take PAYMENT, from the bank or by hand, or a write-off back by an opposite one."""
    from orchestration.commands.cash import undo as undo_payment

    undo_payment(_settings(), payment, reason, on, actor, _notify)


@invoice.command()
@_debug_option
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(("storage", "email", "accounting", "e_document")),
    help="Which way; all that are set up if absent.",
)
@click.option("--again", is_flag=True, help="Send once more what has arrived, or of which nobody knows.")
@_actor_option
def deliver(numbers: tuple[str, ...], channels: tuple[str, ...], again: bool, actor: str | None) -> None:
    """Send invoices NUMBER out of the house; without NUMBER, try again what is due."""
    from orchestration.commands.deliveries import deliver as deliver_invoices

    if again and not numbers:
        raise click.UsageError("--again goes with a NUMBER")
    if not deliver_invoices(_settings(), numbers, channels, again, actor, _notify):
        raise _Failed


@invoice.command()
@_debug_option
@click.argument("delivery")
@click.option("--not", "not_", is_flag=True, help="It has not arrived.")
@_actor_option
def arrived(delivery: str, not_: bool, actor: str | None) -> None:
    """Say that DELIVERY, of which nobody knew, has arrived."""
    from orchestration.commands.deliveries import settle

    settle(_settings(), delivery, not not_, actor, _notify)


@invoice.command("to-sign")
@_debug_option
@click.argument("number")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def to_sign(number: str, file: Path) -> None:
    """Write what is to be signed of invoice NUMBER in Didox into FILE."""
    from orchestration.commands.deliveries import write_to_sign

    write_to_sign(_settings(), number, file, _notify)


@invoice.command()
@_debug_option
@click.argument("number")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_actor_option
def sign(number: str, file: Path, actor: str | None) -> None:
    """Hand in the signature of invoice NUMBER that E-IMZO has written into FILE."""
    from orchestration.commands.deliveries import sign as sign_invoice

    sign_invoice(_settings(), number, file, actor, _notify)


@workledger.group()
@_debug_option
def report() -> None:
    """Reports on contracts' periods: hours used, hours beyond, details of work."""


@report.command("due")
@_debug_option
def due_reports() -> None:
    """List the reports that are to be sent."""
    from orchestration.commands.reports import due

    due(_settings(), _notify)


@report.command()
@_debug_option
@click.argument("periods", metavar="[PERIOD]...", nargs=-1)
@click.option(
    "--into",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write them as files that a mail program sends, and mark them as sent.",
)
def send(periods: tuple[str, ...], folder: Path | None) -> None:
    """Send the reports that are due, or those on PERIOD..., by e-mail, each once."""
    from orchestration.commands import reports

    if folder is not None:
        reports.write(_settings(), folder, periods, _notify)
    elif not reports.send(_settings(), periods, _notify):
        raise _Failed


@report.command("arrived")
@_debug_option
@click.argument("period")
@click.option("--not", "not_", is_flag=True, help="It has not arrived.")
def report_arrived(period: str, not_: bool) -> None:
    """Say that the report on PERIOD, of which nobody knew, has arrived."""
    from orchestration.commands.reports import settle

    settle(_settings(), period, not not_, _notify)


@workledger.group()
@_debug_option
def sandbox() -> None:
    """A local stand-in for the vendors, with a made-up agency."""


@sandbox.command()
@_debug_option
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), help="1 is an agency of about 10 developers.")
@click.option("--seed", type=int, help="The same seed gives the same agency.")
@click.option("--as-of", metavar="DATE", help="The agency's last day, like 2026-06-30; today if absent.")
def generate(folder: Path, scale: float | None, seed: int | None, as_of: str | None) -> None:
    """Write a dataset folder into DIR."""
    if as_of is not None:
        try:
            date.fromisoformat(as_of)
        except ValueError:
            raise WorkledgerError(f"--as-of {as_of} is not a date; write it like 2026-06-30.") from None
    options = {"--scale": scale, "--seed": seed, "--as-of": as_of}
    given = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    _run_sandbox(["generate", str(folder.absolute()), *given])


@sandbox.command()
@_debug_option
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--faults", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of faults to play.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="0 uses a free one.")
def serve(folder: Path, faults: Path | None, port: int) -> None:
    """Serve the dataset folder DIR on 127.0.0.1 until Ctrl-C."""
    options = ["--port", str(port), *(["--faults", str(faults.absolute())] if faults else [])]
    _run_sandbox(["serve", str(folder.absolute()), *options])


@workledger.command()
@_debug_option
@click.option("--alert", is_flag=True, help="Also send a trial to everybody who gets alerts.")
def doctor(alert: bool) -> None:
    """Check settings, credentials, reference files and connections, one line each."""
    from orchestration.commands.doctor import examine, try_alerts

    # What is wrong with the settings is the first finding.
    with contextlib.suppress(WorkledgerError):
        _settings()
    failures = 0
    for finding in chain(examine(), try_alerts() if alert else ()):
        failures += finding.failed
        sign = "✗" if finding.failed else "–" if finding.skipped else "✓"
        sign = click.style(sign, fg={"✗": "red", "✓": "green"}.get(sign))
        click.echo(f"{sign} {visible(finding.subject)}: {visible(finding.sentence)}")
    if failures:
        raise _Failed


@workledger.command()
@_debug_option
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--docs", "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Write data docs."
)
def expectations(sources: tuple[str, ...], folder: Path | None) -> None:
    """Check raw tables against their Great Expectations suites, of all sources or of those named."""
    from orchestration.commands.expectations import check_expectations

    if not check_expectations(_settings(), sources, folder):
        raise _Failed


@workledger.group()
@_debug_option
def reference() -> None:
    """The reference files, in which the business decides."""


@reference.command()
@_debug_option
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def accept(files: tuple[str, ...]) -> None:
    """Say that the rows which FILE, such as clients.csv, has lost are meant to go.

    It holds for what the last load has refused: if the file changes again, it is looked at again.
    """
    from orchestration.commands.reference import accept as accept_losses
    from orchestration.warehouse.opening import open_warehouse

    for sentence in accept_losses(open_warehouse(_settings(), _notify), files):
        click.echo(visible(sentence))


@workledger.command()
@_debug_option
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(min=1), help="How many backups stay in DIR, the newest; all by default.")
def backup(folder: Path, keep: int | None) -> None:
    """Save what cannot be made again into a new folder in DIR; loads and builds may go on meanwhile."""
    from orchestration.commands.backup import backup as make_backup

    make_backup(_settings(), folder, keep, lambda sentence: click.echo(visible(sentence)))


@workledger.command()
@_debug_option
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
def restore(folder: Path) -> None:
    """Fill an empty warehouse from DIR, a folder that `workledger backup` has made."""
    from orchestration.commands.backup import restore as restore_backup

    restore_backup(_settings(), folder, lambda sentence: click.echo(visible(sentence)))


@workledger.command()
@_debug_option
def stop() -> None:
    """Stop the embedded warehouse and the sandbox."""
    from orchestration.inputs.sandbox import stop_sandbox
    from orchestration.warehouse.opening import embedded_server

    settings = _settings()
    stopped_warehouse = embedded_server(settings, _notify).stop()
    stopped_sandbox = stop_sandbox(settings)
    click.echo(f"The embedded warehouse {'is stopped' if stopped_warehouse else 'was not running'}.")
    if stopped_sandbox:
        click.echo("The sandbox is stopped.")


def main() -> None:
    """Run the command line; every failure ends in one sentence on standard error and exit code 1."""
    debug = "--debug" in sys.argv
    with _readable_failures(debug):
        code = workledger.main(prog_name="workledger", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)


@contextlib.contextmanager
def _readable_failures(debug: bool) -> Iterator[None]:
    try:
        yield
    except click.exceptions.Abort:
        sys.exit(_INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads the output has closed it, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "workledger"
        click.echo(f"{error.format_message().rstrip('.')}; `{command} --help` shows how.", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        click.echo(visible(_sentence(error)), err=True)
        sys.exit(1)


def _sentence(error: Exception) -> str:
    from invoicing.errors import InvoicingError
    from sources.kit.errors import SourceError

    if isinstance(error, WorkledgerError | SourceError | InvoicingError):
        return str(error)
    said = " ".join(str(error).split()) or "no message"
    return f"Something unexpected went wrong ({type(error).__name__}: {said}); --debug shows where."


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Import in peace: to look for garbage among modules took a fifth of a run that finds nothing new."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
        gc.enable()


def _settings() -> "Settings":
    from orchestration.private_files import make_private
    from orchestration.settings import load_settings

    settings = load_settings()
    make_private(settings.home)
    return settings


def _notify(sentence: str) -> None:
    click.echo(visible(sentence), err=True)


def _free_port_from(first: int) -> int:
    import socket

    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise WorkledgerError(f"No port from {first} on is free; name another with --port.")


def _run_sandbox(arguments: list[str]) -> None:
    from orchestration.inputs.sandbox import sandbox_command
    from orchestration.settings import PROJECT_FOLDER

    code = subprocess.call(sandbox_command(arguments), cwd=PROJECT_FOLDER)
    if code not in _STOPPED_BY_USER:
        # The sandbox has printed the reason on the same standard error.
        raise _Failed


if __name__ == "__main__":
    main()
