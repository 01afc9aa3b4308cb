"""Reads and checks the reference files (model.md, 3; fine print, 15). Nothing is landed here.

A file is checked whole: form, types, required cells, allowed values, keys, dates that overlap, and what its cells point
at in other files. What only the vendors know (a client that Clockify has and no file names) is checked in the models.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sources.kit.errors import SourceError
from sources.reference.schema import FILES, Field, ReferenceFile

_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
_ID = re.compile(r"[0-9a-f]{24}|[A-Z]{3}-[0-9a-z]{4,}", re.ASCII)
# Groups that Python knows and Postgres does not: named ones, conditions, flags of a part.
_PYTHON_ALONE = re.compile(r"(?<!\\)\(\?(?![:=!#]|<[=!]|[imsx]+\)).?")
_GENERATED_CONTRACT_NUMBER = re.compile(r".+-CON-(IT|WEB|MARKETING|OTHER)-\d{4}(-\d+)?", re.ASCII | re.IGNORECASE)
_LONGEST_SHOWN_VALUE = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands and how to mend it.

    `row` is the line of the file on which the row begins (the header is line 1), None where the whole file is meant.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    reason: str

    def __str__(self) -> str:
        """One sentence with file, row, column and value."""
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        shown = ""
        if self.value is not None:
            cut = self.value if len(self.value) <= _LONGEST_SHOWN_VALUE else self.value[:_LONGEST_SHOWN_VALUE] + "…"
            shown = f": {cut!r}"
        return f"{place}{shown} {self.reason}"


@dataclass
class Row:
    """One row of a file: its line, its cells as they stand there (trimmed), and its typed values."""

    number: int
    cells: dict[str, str]
    values: dict[str, Any]


@dataclass
class Content:
    """What was read from one file, good or not."""

    file: ReferenceFile
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def key_of(self, row: Row) -> str:
        """The row's natural key as text: trimmed, lower case, parts joined by `|`."""
        return "|".join(_key_part(row, name) for name in self.file.key)

    def reject(self, row: Row | int | None, column: str | None, value: str | None, reason: str) -> None:
        """Note a problem of this file."""
        number = row.number if isinstance(row, Row) else row
        self.problems.append(Problem(f"{self.file.name}.csv", number, column, value, reason))


def read_folder(folder: Path | str) -> dict[str, Content]:
    """Read and check every reference file of `folder`; absent files have no rows.

    Raises `SourceError` when there is no such folder.
    """
    path = Path(folder)
    if not path.is_dir():
        raise SourceError(f"reference: {path} is no folder; set REFERENCE_DIR to the folder with the reference files")
    contents = {file.name: _read_file(file, path / f"{file.name}.csv") for file in FILES}
    for content in contents.values():
        _check_keys(content)
        _check_ranges(content)
        _SPECIAL_CHECKS.get(content.file.name, _nothing_special)(content)
    for content in contents.values():
        _check_references(content, contents)
    return contents


def validate_folder(folder: Path | str) -> list[Problem]:
    """Everything that is wrong in a folder of reference files, in the order of the files; empty when all is well.

    Raises `SourceError` when there is no such folder.
    """
    contents = read_folder(folder)
    return [*unknown_files(folder), *(problem for content in contents.values() for problem in content.problems)]


def unknown_files(folder: Path | str) -> list[Problem]:
    """CSV files in the folder that are none of the reference files, most likely misspelt."""
    names = [file.name for file in FILES]
    return [
        Problem(path.name, None, None, None, f"is no reference file{_suggestion(path.stem, names, '.csv')}")
        for path in sorted(Path(folder).glob("*.csv"))
        if path.stem not in names
    ]


# --- one file -----------------------------------------------------------------------------------------------------


def _read_file(file: ReferenceFile, path: Path) -> Content:
    content = Content(file)
    if not path.exists():
        return content
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = path.read_bytes()[: failure.start].count(b"\n") + 1
        content.reject(line, None, None, "is not UTF-8; save the file as UTF-8")
        return content
    except OSError as failure:
        content.reject(None, None, None, f"cannot be read ({failure.strerror}); check its rights")
        return content
    if "\x00" in text:
        content.reject(text[: text.index("\x00")].count("\n") + 1, None, None, "holds a NUL character; remove it")
        return content
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = list(_lines(reader))
    except csv.Error as failure:
        content.reject(reader.line_num, None, None, f"is no CSV ({failure}); check the quotes")
        return content
    if not lines:
        return content
    header = [name.strip() for name in lines[0][1]]
    _check_header(content, header, has_rows=len(lines) > 1)
    if content.problems:
        return content
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            content.reject(
                number,
                None,
                None,
                f"has {len(cells)} cells where the header has {len(header)}; check commas and quotes",
            )
            continue
        _read_row(content, number, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
    return content


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each begins; lines without any cell filled are skipped."""
    begins = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield begins, cells
        begins = reader.line_num + 1


def _check_header(content: Content, header: list[str], *, has_rows: bool) -> None:
    known = [each.name for each in content.file.fields]
    if len(header) == 1 and ";" in header[0]:
        content.reject(1, None, header[0], "is separated by semicolons; separate the columns by commas")
        return
    for name in header:
        if name not in known:
            content.reject(1, name, None, f"is no column of this file{_suggestion(name, known)}")
    for name in {name for name in header if header.count(name) > 1}:
        content.reject(1, name, None, "stands twice in the header; remove one")
    for each in content.file.fields:
        if has_rows and each.required and not each.default and each.name not in header:
            content.reject(1, each.name, None, "is missing in the header; add the column")


def _read_row(content: Content, number: int, cells: dict[str, str]) -> None:
    values: dict[str, Any] = {}
    for each in content.file.fields:
        cell = cells.get(each.name, "") or each.default
        if not cell:
            if each.required:
                content.reject(number, each.name, "", "is empty; it needs a value")
            values[each.name] = None
            continue
        try:
            values[each.name] = _typed(each, cell)
        except ValueError as failure:
            content.reject(number, each.name, cell, str(failure))
            values[each.name] = None
    content.rows.append(Row(number, cells, values))


def _typed(each: Field, cell: str) -> Any:
    """The cell's value by the field's declaration; raises `ValueError` with the reason and the mend."""
    if each.listed:
        parts = [part.strip() for part in cell.split(";") if part.strip()]
        for part in parts:
            _check_choice(part, each.values)
        if len(set(parts)) != len(parts):
            raise ValueError("names one value twice; remove one")
        return ";".join(parts)
    if each.values:
        _check_choice(cell, each.values)
        return cell
    value = _TYPES[each.kind](cell)
    if each.form:
        value = _FORMS[each.form](value)
    if each.minimum is not None and value < each.minimum:
        raise ValueError(f"is less than {each.minimum:g}; give {each.minimum:g} or more")
    if each.maximum is not None and value > each.maximum:
        raise ValueError(f"is more than {each.maximum:g}; give {each.maximum:g} or less")
    if each.above is not None and value <= each.above:
        raise ValueError(f"is not above {each.above:g}; give a greater number")
    return value


def _check_choice(cell: str, allowed: tuple[str, ...]) -> None:
    if cell not in allowed:
        raise ValueError(f"is none of {', '.join(allowed)}{_suggestion(cell, allowed)}")


def _suggestion(name: str, known: Iterable[str], ending: str = "") -> str:
    """`; did you mean …?` where a known name is near."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[near[0]]}{ending}?" if near else "; remove it or correct the name"


def _boolean(cell: str) -> bool:
    lowered = cell.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("is neither true nor false; write one of them")


def _integer(cell: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", cell, re.ASCII):
        raise ValueError("is no whole number; write digits alone")
    return int(cell)


def _number(cell: str) -> Decimal:
    try:
        number = Decimal(cell)
    except InvalidOperation:
        raise ValueError("is no number; write it as 1234.56") from None
    if not number.is_finite() or not re.fullmatch(r"[+-]?[0-9.]+", cell, re.ASCII):
        raise ValueError("is no number; write it as 1234.56")
    exponent = number.as_tuple().exponent
    if number.adjusted() > 17 or (isinstance(exponent, int) and -exponent > 18):
        raise ValueError("has more digits than any amount or rate; correct it")
    return number


def _day(cell: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell, re.ASCII):
        raise ValueError("is no date; write it as YYYY-MM-DD")
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError("is no day of the calendar; correct it") from None


def _object(cell: str) -> dict[str, Any]:
    try:
        value = json.loads(cell, parse_float=Decimal)
    except ValueError:
        raise ValueError('is no JSON; write an object such as {"name": 1}') from None
    if not isinstance(value, dict):
        raise ValueError('is no JSON object; write it as {"name": 1}')
    return value


def _text(cell: str) -> str:
    return cell


_TYPES: dict[str, Callable[[str], Any]] = {
    "text": _text,
    "bigint": _integer,
    "boolean": _boolean,
    "date": _day,
    "numeric": _number,
    "json": _object,
}


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value.upper(), re.ASCII):
        raise ValueError("is no currency; write three letters such as USD")
    return value.upper()


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("is no time zone; write an IANA name such as Europe/Berlin") from None
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError("is no e-mail address; write it as name@example.com")
    return value


def _time_of_day(value: str) -> str:
    # 24:00 closes a day that never closes.
    if value == "24:00":
        return value
    if not re.fullmatch(r"\d{1,2}:\d{2}", value, re.ASCII):
        raise ValueError("is no time of day; write it as HH:MM")
    try:
        return time.fromisoformat(value.zfill(5)).strftime("%H:%M")
    except ValueError:
        raise ValueError("is no time of day; write it as HH:MM") from None


def _time_or_moment(value: str) -> str:
    if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", value, re.ASCII):
        try:
            time.fromisoformat(value if value[1] != ":" else f"0{value}")
        except ValueError:
            raise ValueError("is no time of day; write it as HH:MM") from None
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("is neither HH:MM nor a moment with offset such as 2026-01-31T09:00:00+01:00; correct it")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as failure:
        # Postgres knows escapes that Python lacks (\m, \y): those are left to it.
        if "bad escape" not in str(failure):
            raise ValueError(f"is no regular expression ({failure}); correct it") from None
    if unknown := _PYTHON_ALONE.search(value):
        raise ValueError(f"is no regular expression of Postgres, which knows no '{unknown.group()}'; write it without")
    return value


def _fraction(value: Decimal) -> Decimal:
    if not 0 <= value < 1:
        raise ValueError("is no fraction; write 0.19 for 19 %")
    return value


_FORMS: dict[str, Callable[[Any], Any]] = {
    "currency": _currency,
    "timezone": _timezone,
    "email": _email,
    "time_of_day": _time_of_day,
    "time_or_moment": _time_or_moment,
    "pattern": _pattern,
    "fraction": _fraction,
}


# --- within one file ----------------------------------------------------------------------------------------------


def _key_part(row: Row, name: str) -> str:
    value = row.values.get(name)
    return "" if value is None else str(value).strip().casefold()


def _check_keys(content: Content) -> None:
    file = content.file
    if file.single_row and len(content.rows) > 1:
        content.reject(content.rows[1], None, None, "is a second row where one is allowed; remove it")
    _check_once(content, content.key_of, file.key)
    for name in file.unique:
        _check_once(content, partial(_key_part, name=name), (name,), skip_empty=True)


def _check_once(
    content: Content, key_of: Callable[[Row], str], names: tuple[str, ...], *, skip_empty: bool = False
) -> None:
    first: dict[str, Row] = {}
    for row in content.rows:
        key = key_of(row)
        if skip_empty and not key:
            continue
        if key in first:
            shown = ", ".join(row.cells.get(name, "") for name in names)
            content.reject(
                row, " + ".join(names), shown, f"stands in row {first[key].number} already; remove or change one"
            )
        else:
            first[key] = row


def _check_ranges(content: Content) -> None:
    from_name, to_name = content.file.range_fields
    names = {each.name for each in content.file.fields}
    if to_name not in names:
        return
    for row in content.rows:
        begins, ends = row.values.get(from_name), row.values.get(to_name)
        if begins and ends and ends < begins:
            content.reject(row, to_name, row.cells.get(to_name), f"is before {from_name}; exchange or correct them")
    if not content.file.range_key:
        return
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in content.rows:
        groups.setdefault(tuple(_key_part(row, name) for name in content.file.range_key), []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: row.values.get(from_name) or date.min)
        reaches: tuple[date, Row] | None = None
        for row in rows:
            begins = row.values.get(from_name) or date.min
            ends = row.values.get(to_name) or date.max
            if reaches is not None and begins <= reaches[0]:
                shown = row.cells.get(from_name) or "always"
                content.reject(
                    row,
                    from_name,
                    shown,
                    f"overlaps row {reaches[1].number} of the same {' and '.join(content.file.range_key)}; "
                    f"end that row before, or begin this one later",
                )
            if reaches is None or ends > reaches[0]:
                reaches = (ends, row)


def _nothing_special(_content: Content) -> None:
    return


def _check_contracts(content: Content) -> None:
    for row in content.rows:
        if row.values.get("type") == "monthly_retainer" and row.values.get("monthly_hours") is None:
            content.reject(row, "monthly_hours", "", "is empty; a monthly_retainer needs its hours")


def _check_classifications(content: Content) -> None:
    for row in content.rows:
        if (row.values.get("project") is None) == (row.values.get("label") is None):
            content.reject(row, "project", row.cells.get("project", ""), "and label: give exactly one of the two")


def _check_clients(content: Content) -> None:
    """Parents must not form a circle (model, 5.7)."""
    by_name = {name: row for row in content.rows for name in _names_of("clients", row)}
    for row in content.rows:
        seen = {row.number}
        current: Row | None = row
        while current is not None and current.values.get("parent_client"):
            current = by_name.get(str(current.values["parent_client"]).casefold())
            if current is None:
                break
            if current.number in seen:
                if current.number == row.number:
                    content.reject(
                        row,
                        "parent_client",
                        row.cells.get("parent_client"),
                        "leads back to this client; break the circle",
                    )
                break
            seen.add(current.number)


def _check_calendars(content: Content) -> None:
    zones: dict[str, Row] = {}
    days: dict[tuple[str, Any], list[Row]] = {}
    for row in content.rows:
        opens, closes = row.values.get("opens"), row.values.get("closes")
        if opens and closes and closes <= opens:
            content.reject(row, "closes", row.cells.get("closes"), "is not after opens; correct one of them")
        name = _key_part(row, "calendar")
        first = zones.setdefault(name, row)
        if first.values.get("timezone") != row.values.get("timezone"):
            content.reject(
                row, "timezone", row.cells.get("timezone"), f"differs from row {first.number} of the same calendar"
            )
        days.setdefault((name, row.values.get("weekday")), []).append(row)
    for rows in days.values():
        rows.sort(key=lambda row: str(row.values.get("opens")))
        for earlier, later in pairwise(rows):
            if str(later.values.get("opens")) < str(earlier.values.get("closes")):
                content.reject(
                    later,
                    "opens",
                    later.cells.get("opens"),
                    f"is before row {earlier.number} closes; correct one of them",
                )


_SPECIAL_CHECKS: dict[str, Callable[[Content], None]] = {
    "contracts": _check_contracts,
    "project_classifications": _check_classifications,
    "clients": _check_clients,
    "business_calendars": _check_calendars,
}


# --- between files ------------------------------------------------------------------------------------------------


def _names_of(file: str, row: Row) -> set[str]:
    """The names by which other files may point at a row (fine print, 15)."""
    names = {
        "clients": ("client", "company_name", "trading_name", "account_number"),
        "contracts": ("contract_number", "name"),
        "developers": ("email",),
        "business_calendars": ("calendar",),
        "service_types": ("name",),
        "accounts": ("plaid_account_id", "label"),
    }[file]
    return {key for name in names if (key := row.cells.get(name, "").strip().casefold())}


def _check_references(content: Content, contents: dict[str, Content]) -> None:
    for each in content.file.fields:
        # Clockify knows projects that no file names: whether a project exists is for the models to say.
        if not each.refers_to or each.refers_to == "projects":
            continue
        target = contents[each.refers_to]
        if not target.rows:
            continue
        known: dict[str, list[Row]] = {}
        for row in target.rows:
            for name in _names_of(each.refers_to, row):
                known.setdefault(name, []).append(row)
        for row in content.rows:
            cell = row.values.get(each.name)
            if cell is None:
                continue
            found = known.get(str(cell).strip().casefold(), [])
            if not found and not _may_be_known_elsewhere(each.refers_to, str(cell), target):
                shown = sorted({row.cells.get(_shown_name(each.refers_to), "") for row in target.rows} - {""})
                content.reject(
                    row,
                    each.name,
                    row.cells.get(each.name) or str(cell),
                    f"is not in {each.refers_to}.csv{_suggestion(str(cell), shown)}",
                )
            elif each.refers_to == "contracts" and _is_ambiguous(row, found, each.name):
                content.reject(
                    row, each.name, row.cells.get(each.name), "names several contracts; write the contract's number"
                )


def _shown_name(file: str) -> str:
    return {
        "clients": "client",
        "contracts": "name",
        "developers": "email",
        "business_calendars": "calendar",
        "service_types": "name",
        "accounts": "label",
    }[file]


def _may_be_known_elsewhere(file: str, cell: str, target: Content) -> bool:
    """Whether a cell that fits no row may still be right, by an id or by a name that only the vendor knows."""
    if file == "clients":
        # Where a row of clients.csv gives an id, its Clockify name stands in no file.
        return bool(_ID.fullmatch(cell)) or any(_ID.fullmatch(row.cells.get("client", "")) for row in target.rows)
    if file == "contracts":
        has_unnumbered = any(not row.cells.get("contract_number") for row in target.rows)
        return bool(_ID.fullmatch(cell)) or (has_unnumbered and bool(_GENERATED_CONTRACT_NUMBER.fullmatch(cell)))
    # Accounts go by our ids too, which stand in no file: CHK-5809.
    return file == "accounts" and bool(_ID.fullmatch(cell))


def _is_ambiguous(row: Row, found: list[Row], column: str) -> bool:
    """A contract's name that several contracts of the row's client bear; a number is always one."""
    cell = str(row.values[column]).casefold()
    if any(each.cells.get("contract_number", "").casefold() == cell for each in found):
        return False
    client = row.values.get("client")
    if client is not None:
        same_client = [each for each in found if each.cells.get("client", "").casefold() == str(client).casefold()]
        found = same_client or found
    return len({each.number for each in found}) > 1
