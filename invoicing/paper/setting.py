"""A process of its own that sets one page after the other: what clients write meets the engine here, and nothing else.

Reads JSON (html, title, author, moment, paper_size) from its input and writes a PDF to its output. Ends with 2 and the
addresses on its last line of errors where the page asks for anything but the fonts of this package.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any, Final

FONTS: Final = Path(__file__).parent / "fonts"
REFUSED: Final = 2

_BASE: Final = "https://package.invalid/"


def book_of(html: str, paper_size: str, refused: list[str]) -> Any:
    """The set pages of a document, as plutoprint has them.

    Args:
        html: the document.
        paper_size: A4 or Letter.
        refused: takes the addresses that it asks for and does not get.
    """
    import plutoprint

    class PackageFiles(plutoprint.ResourceFetcher):
        """Serves the fonts, and nothing else of this machine or any other."""

        def fetch_url(self, url: str) -> Any:
            file = FONTS / url.removeprefix(_BASE)
            if not url.startswith(_BASE) or file.parent != FONTS or not file.is_file():
                refused.append(url)
                raise PermissionError(url)
            return plutoprint.ResourceData(file.read_bytes(), "font/ttf")

    size = plutoprint.PAGE_SIZE_LETTER if paper_size == "Letter" else plutoprint.PAGE_SIZE_A4
    book = plutoprint.Book(size, plutoprint.PAGE_MARGINS_NONE)
    book.custom_resource_fetcher = PackageFiles()
    book.load_html(html, base_url=_BASE)
    return book


def main() -> int:
    """Set the page that comes in."""
    import plutoprint

    given = json.load(sys.stdin)
    refused: list[str] = []
    book = book_of(given["html"], given["paper_size"], refused)
    # Afterwards, because loading takes the title from the page and forgets the rest.
    book.set_metadata(plutoprint.PDF_METADATA_TITLE, given["title"])
    book.set_metadata(plutoprint.PDF_METADATA_AUTHOR, given["author"])
    book.set_metadata(plutoprint.PDF_METADATA_CREATION_DATE, given["moment"])
    book.set_metadata(plutoprint.PDF_METADATA_MODIFICATION_DATE, given["moment"])
    output = io.BytesIO()
    book.write_to_pdf_stream(output)
    if refused:
        print(json.dumps(refused[:3]), file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(output.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
