"""From HTML to PDF: in this process by plutoprint, or by Gotenberg where its address is set. No other network."""

import io
import json
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import requests

from invoicing.errors import InvoicingError
from invoicing.paper.contents import Contents
from invoicing.paper.html import Part, footer, title

FONTS: Final = Path(__file__).parent / "fonts"

_BASE: Final = "https://package.invalid/"
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


def _by_plutoprint(html: str, contents: Contents, part: Part) -> Printed:
    try:
        # 150 MB of libraries, which nothing but printing needs; and there is none for ARM Linux.
        import plutoprint
    except ImportError as error:
        raise InvoicingError(
            f"There is no plutoprint on this machine ({error}), so no PDF can be made here; set GOTENBERG_URL."
        ) from error

    refused: list[str] = []

    class PackageFiles(plutoprint.ResourceFetcher):
        """Serves the fonts, and nothing else of this machine or any other."""

        def fetch_url(self, url: str) -> Any:
            content = _package_files().get(url.removeprefix(_BASE)) if url.startswith(_BASE) else None
            if content is None:
                refused.append(url)
                raise PermissionError(url)
            return plutoprint.ResourceData(content, "font/ttf")

    size = plutoprint.PAGE_SIZE_LETTER if contents.paper_size == "Letter" else plutoprint.PAGE_SIZE_A4
    book = plutoprint.Book(size, plutoprint.PAGE_MARGINS_NONE)
    book.custom_resource_fetcher = PackageFiles()
    moment = f"{contents.issue_date or date(2000, 1, 1)}T00:00:00Z"
    output = io.BytesIO()
    try:
        book.load_html(html, base_url=_BASE)
        # Afterwards, because loading takes the title from the page and forgets the rest.
        book.set_metadata(plutoprint.PDF_METADATA_TITLE, title(contents, part))
        book.set_metadata(plutoprint.PDF_METADATA_AUTHOR, contents.seller.name)
        book.set_metadata(plutoprint.PDF_METADATA_CREATION_DATE, moment)
        book.set_metadata(plutoprint.PDF_METADATA_MODIFICATION_DATE, moment)
        book.write_to_pdf_stream(output)
    except plutoprint.Error as error:
        raise InvoicingError(f"The PDF of {title(contents, part)} cannot be set: {error}.") from error
    if refused:
        raise InvoicingError(
            f"{title(contents, part)} asks for {', '.join(refused[:3])}, which is no part of it; nothing was fetched."
        )
    return Printed(output.getvalue(), f"plutoprint {version('plutoprint')}")


def _by_gotenberg(address: str, html: str, contents: Contents, part: Part) -> Printed:
    width, height = _INCHES[contents.paper_size]
    moment = f"{contents.issue_date or date(2000, 1, 1)}T00:00:00Z"
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
                "Author": contents.seller.name,
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


@cache
def _package_files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(FONTS.glob("*.ttf"))}
