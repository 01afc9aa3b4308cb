"""Writes the tables of columns in reference/README.md from the declaration that validates the files.

`python -m sources.reference.guide` rewrites what stands between the two marks; a test says when that is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sources.kit.currencies import MOST_DECIMALS
from sources.kit.table import Kind
from sources.reference.schema import FILES, Field, Form, ReferenceFile

README: Final = Path(__file__).parents[2] / "reference" / "README.md"
BEGIN: Final = "<!-- Written by `python -m sources.reference.guide`; change sources/reference/schema.py instead. -->"
END: Final = "<!-- End of what is written by `python -m sources.reference.guide`. -->"

_KINDS: Final[dict[Kind, str]] = {
    "text": "text",
    "bigint": "whole number",
    "boolean": "`true` or `false`",
    "date": "`YYYY-MM-DD`",
    "numeric": "number such as `1234.56`",
    "json": 'JSON object such as `{"name": 1}`',
}
_FORMS: Final[dict[Form, str]] = {
    "currency": f"ISO 4217 code of a currency with {MOST_DECIMALS} decimals at most, such as `EUR`",
    "known_currency": "ISO 4217 code such as `EUR`",
    "timezone": "IANA name such as `Europe/Berlin`",
    "email": "e-mail address",
    "time_of_day": "`HH:MM`; `24:00` is the end of the day",
    "time_or_moment": "`HH:MM`, or a moment with offset such as `2026-01-31T09:00:00+01:00`",
    "pattern": "regular expression of Postgres",
    "path": "path or glob, letter by letter as the file system has it",
    "fraction": "fraction from 0 to below 1, such as `0.19` for 19 %",
    "minutes": "whole minutes, such as `90`",
    "hours": "hours, such as `20.5`",
    "invoice_number": "text in which `{number}`, `{number:04}` (with zeros in front) or a run of `#` stands for the "
    "running number, `{year}` and `{month}` for the invoice's, `{client}` for the client's account number; numbers "
    "begin at 1 with each year, month or client that they show; without a place for it the number comes last",
    "country": "ISO 3166 code of two letters, such as `DE`",
}


def tables() -> str:
    """The guide to every file, as Markdown: its columns, which of them are needed, and what a cell may hold."""
    return "\n".join(line for file in FILES for line in _file(file))


def written_into(text: str) -> str:
    """The text of the README with its tables as they should be.

    Raises:
        ValueError: a mark is missing.
    """
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{README} lacks the mark {BEGIN!r} or {END!r}; put both back")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def _file(file: ReferenceFile) -> Iterator[str]:
    yield f"### {file.name}.csv"
    yield ""
    yield f"{file.description} {_rows(file)}"
    yield ""
    yield "| column | needed | what it holds | a cell may be |"
    yield "| --- | --- | --- | --- |"
    for each in file.fields:
        yield f"| `{each.name}` | {_need(each)} | {each.description} | {_allowed(each)} |"
    yield ""


def _rows(file: ReferenceFile) -> str:
    if file.single_row:
        return "A second row is refused."
    sentences = [f"One row for each {_and(file.key)}."]
    if file.range_key:
        sentences.append(f"The dates of one {_and(file.range_key)} may not overlap.")
    if file.unique:
        sentences.append(f"No two rows share {_and(file.unique, 'or')}.")
    return " ".join(sentences)


def _and(names: tuple[str, ...], word: str = "and") -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {word} {last}" if others else last


def _need(each: Field) -> str:
    if each.default:
        return f"no; empty is `{each.default}`"
    return "yes" if each.required else "no"


def _allowed(each: Field) -> str:
    if each.values:
        values = ", ".join(f"`{value}`" for value in each.values)
        return f"a list of {values}, separated by `;`" if each.listed else f"one of {values}"
    parts = [_FORMS[each.form] if each.form else _KINDS[each.kind]]
    if each.minimum is not None and each.maximum is not None:
        parts.append(f"{each.minimum:g} to {each.maximum:g}")
    elif each.minimum is not None:
        parts.append(f"{each.minimum:g} or more")
    if each.above is not None:
        parts.append(f"above {each.above:g}")
    if each.refers_to:
        parts.append(f"of a row of `{each.refers_to}.csv`")
    return ", ".join(parts)


if __name__ == "__main__":
    README.write_text(written_into(README.read_text(encoding="utf-8")), encoding="utf-8")
