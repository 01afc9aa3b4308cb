"""What makes text from outside safe for a spreadsheet."""

import re
from typing import Final

# OWASP, "CSV Injection": what a spreadsheet takes for the beginning of a formula, unless the cell is a number.
_FORMULA: Final = re.compile(r"[=@\t\r\n]|[+-](?!(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|infinity)\Z)", re.IGNORECASE)
_MAYBE_FORMULA: Final = re.compile(rb'(?:^|,)"?[=@\t\r\n+-]')
_CELL: Final = re.compile(r'(?<![^,])(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^",\r\n]+))')


def harmless(cell: str) -> str:
    """The cell with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def harmless_row(row: bytes) -> bytes:
    """One row of CSV as the server writes it, with an apostrophe in every cell that could be taken for a formula."""
    if not _MAYBE_FORMULA.search(row):
        return row
    line = row.decode()
    end = "\n" if line.endswith("\n") else ""
    return (_CELL.sub(_harmless_cell, line.removesuffix("\n")) + end).encode()


def _harmless_cell(match: re.Match[str]) -> str:
    quoted = match["quoted"]
    return harmless(match["bare"]) if quoted is None else f'"{harmless(quoted)}"'
