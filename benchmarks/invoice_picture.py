"""Draws the first page of a stored invoice as a picture: the one in README, and whatever else is to be looked at.

    python -m benchmarks.invoice_picture [NUMBER] [FILE]

Without arguments the first invoice of the warehouse becomes docs/pictures/invoice.png. The page is drawn from the HTML
that was stored when the invoice was issued, by the engine that made its PDF.
"""

import sys
from pathlib import Path
from typing import Final

from invoicing.paper.contents import read_contents
from invoicing.paper.documents import read_document
from invoicing.paper.setting import book_of
from orchestration.settings import PROJECT_FOLDER, load_settings
from orchestration.warehouse.opening import open_warehouse

_PIXELS_A_POINT: Final = 1.6


def draw(html: str, paper_size: str, file: Path, page: int = 0) -> int:
    """Draw one page of a document; returns how many it has."""
    import plutoprint

    book = book_of(html, paper_size, [])
    size = book.get_page_size_at(page)
    canvas = plutoprint.ImageCanvas(int(size.width * _PIXELS_A_POINT), int(size.height * _PIXELS_A_POINT))
    canvas.clear_surface(1, 1, 1, 1)
    # The engine measures in CSS pixels, of which 96 are 72 points.
    canvas.scale(_PIXELS_A_POINT * 72 / 96, _PIXELS_A_POINT * 72 / 96)
    book.render_page(canvas, page)
    canvas.write_to_png(str(file))
    count: int = book.get_page_count()
    return count


def main() -> None:
    """Draw the invoice that the arguments name."""
    number, file = [*sys.argv[1:3], "", ""][:2]
    target = Path(file) if file else PROJECT_FOLDER / "docs" / "pictures" / "invoice.png"
    with open_warehouse(load_settings()).connect("owner") as connection:
        if not number:
            [(number,)] = connection.execute(
                "select invoice_number from billing.invoices where kind = 'invoice' order by finalized_at limit 1"
            ).fetchall()
        html = read_document(connection, number, "html")
        assert html is not None, f"{number} has no document yet; `workledger invoice print` makes it"
        paper_size = read_contents(connection, html.invoice_id).paper_size
    print(f"{number}: page 1 of {draw(html.content.decode(), paper_size, target)} is in {target}")


if __name__ == "__main__":
    main()
