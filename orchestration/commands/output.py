"""What makes text from outside safe to print: escapes for a terminal, quotes for a spreadsheet."""

import re
from typing import Final

# Control characters but tab and line feed, and those that turn the direction of writing.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# OWASP, "CSV Injection": what a spreadsheet takes for the beginning of a formula, unless the cell is a number.
_FORMULA: Final = re.compile(r"[=@\t\r\n]|[+-](?!(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|infinity)\Z)", re.IGNORECASE)
_MAYBE_FORMULA: Final = re.compile(rb'(?:^|,)"?[=@\t\r\n+-]')
_CELL: Final = re.compile(r'(?<![^,])(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^",\r\n]+))')


def visible(text: str) -> str:
    """The text with control characters written out, such as `\\x1b`, so that none of them commands a terminal."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


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
