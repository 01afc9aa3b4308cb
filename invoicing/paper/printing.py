"""From HTML to PDF: by plutoprint, or by Gotenberg where its address is set. No other network."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import requests

from invoicing.errors import InvoicingError
from invoicing.paper.contents import Contents
from invoicing.paper.html import Part, footer, line, title
from invoicing.paper.setting import FONTS, REFUSED

_MARGIN_BOXES: Final = re.compile(r'<style class="margin-boxes">.*?</style>\s*', re.DOTALL)
_INCHES: Final = {"A4": ("8.27", "11.7"), "Letter": ("8.5", "11")}
_TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True)
class Printer:
    """How documents are printed."""

    gotenberg_url: str | None = None
    """Address of a Gotenberg 8; None: plutoprint."""
    logo_folder: Path | None = None
    """Folder of the reference files, in which the logo lies."""


@dataclass(frozen=True)
class Printed:
    """A PDF and what made it."""

    content: bytes
    renderer: str


def print_pdf(printer: Printer, html: str, contents: Contents, part: Part) -> Printed:
    """Print a document. The same HTML gives the same bytes from plutoprint; both dates of the PDF are the issue date.

    Args:
        printer: how.
        html: the document, as it was stored.
        contents: what it shows, for title, dates and footer.
        part: which document it is.

    Raises:
        InvoicingError: it cannot be printed; says why.
    """
    if printer.gotenberg_url:
        return _by_gotenberg(printer.gotenberg_url, html, contents, part)
    return _by_plutoprint(html, contents, part)


def probe(printer: Printer) -> str:
    """Say what prints, after asking whether it can.

    Raises:
        InvoicingError: it cannot; says why.
    """
    if not printer.gotenberg_url:
        _refuse_without_plutoprint()
        return f"plutoprint {version('plutoprint')} sets documents on this machine"
    try:
        answer = requests.get(f"{printer.gotenberg_url.rstrip('/')}/health", timeout=10)
        state = answer.json()["status"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise InvoicingError(
            f"GOTENBERG_URL gives no answer of a Gotenberg ({type(error).__name__}); start it, or unset GOTENBERG_URL."
        ) from error
    if answer.status_code != 200 or state != "up":
        raise InvoicingError(f"Gotenberg at GOTENBERG_URL says that it is {state}; look at its log.")
    return "Gotenberg at GOTENBERG_URL is up"


def _refuse_without_plutoprint() -> None:
    if find_spec("plutoprint") is None:
        raise InvoicingError(
            "There is no plutoprint for this machine, so no PDF can be made here; set GOTENBERG_URL to the address of "
            "a Gotenberg 8."
        )


def _by_plutoprint(html: str, contents: Contents, part: Part) -> Printed:
    _refuse_without_plutoprint()
    name = title(contents, part)
    given = {
        "html": html,
        "title": name,
        "author": line(contents.seller.name, 200),
        "moment": _moment(contents),
        "paper_size": contents.paper_size,
    }
    # A process of its own, because an engine in C++ that fails on a client's text must not take the decision with it.
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "invoicing.paper.setting"],
            input=json.dumps(given).encode(),
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise InvoicingError(f"The PDF of {name} is not set after {_TIMEOUT_SECONDS} seconds; shorten it.") from error
    told = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
    if done.returncode == REFUSED:
        raise InvoicingError(f"{name} asks for {told}, which is no part of it; nothing was fetched.")
    if done.returncode:
        raise InvoicingError(f"The PDF of {name} cannot be set (plutoprint ended with {done.returncode}): {told[:200]}")
    return Printed(done.stdout, f"plutoprint {version('plutoprint')}")


def _by_gotenberg(address: str, html: str, contents: Contents, part: Part) -> Printed:
    width, height = _INCHES[contents.paper_size]
    moment = _moment(contents)
    fields = {
        "preferCssPageSize": "true",
        "printBackground": "true",
        "paperWidth": width,
        "paperHeight": height,
        # As the template has them: 16 mm, and 20 mm at the bottom.
        "marginTop": "0.63",
        "marginBottom": "0.79",
        "marginLeft": "0.63",
        "marginRight": "0.63",
        "metadata": json.dumps(
            {
                "Title": title(contents, part),
                "Author": line(contents.seller.name, 200),
                "CreationDate": moment,
                "ModDate": moment,
            },
            ensure_ascii=False,
        ),
    }
    files = [
        ("files", ("index.html", _MARGIN_BOXES.sub("", html).encode(), "text/html")),
        ("files", ("footer.html", footer(contents, part).encode(), "text/html")),
        *(("files", (name, content, "font/ttf")) for name, content in _package_files().items()),
    ]
    try:
        answer = requests.post(
            f"{address.rstrip('/')}/forms/chromium/convert/html",
            data=fields,
            files=files,
            headers={"Gotenberg-Trace": f"{contents.invoice_id}-{part}", "Gotenberg-Output-Filename": "document"},
            timeout=_TIMEOUT_SECONDS,
        )
    except requests.RequestException as error:
        raise InvoicingError(
            f"Gotenberg at GOTENBERG_URL does not answer ({type(error).__name__}); start it, or unset GOTENBERG_URL."
        ) from error
    if answer.status_code == 503:
        raise InvoicingError("Gotenberg at GOTENBERG_URL is busy or took too long (503); try again in a minute.")
    if answer.status_code != 200:
        raise InvoicingError(f"Gotenberg refused the document ({answer.status_code}): {answer.text[:200].strip()}")
    if not answer.content.startswith(b"%PDF-"):
        raise InvoicingError("What GOTENBERG_URL points at answers without a PDF; give the address of a Gotenberg 8.")
    return Printed(answer.content, "gotenberg")


def _moment(contents: Contents) -> str:
    """The issue date, for both dates of the PDF; a draft has none, and its bytes are not kept."""
    return f"{contents.issue_date or contents.supply_to}T00:00:00Z"


@cache
def _package_files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(FONTS.glob("*.ttf"))}
