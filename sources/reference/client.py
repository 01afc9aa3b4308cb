"""Reads and checks the reference files (rules 2.1 to 2.4 and 2.16). Nothing is landed here.

A file is checked whole: form, types, required cells, allowed values, keys, dates that overlap, rows that it has lost,
and what its cells point at in other files. What only the vendors know (a client that Clockify has and no file names) is
checked in the models.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sources.kit.errors import SourceError
from sources.reference.cells import clean, folded, loosely, nearest, suggestion, typed
from sources.reference.losses import InForce, Loss, folder_loss, loss_of
from sources.reference.schema import FILES, ReferenceFile

_ID = re.compile(r"[0-9a-f]{24}|[A-Z]{3}-[0-9a-z]{4,}", re.ASCII)
_GENERATED_CONTRACT_NUMBER = re.compile(r".+-CON-(IT|WEB|MARKETING|OTHER)-\d{4}(-\d+)?", re.ASCII | re.IGNORECASE)
SHIPPED_FOLDER = Path(__file__).resolve().parents[2] / "reference"
"""The reference files that come with Workledger."""
NOTHING_IN_FORCE = InForce()
_LONGEST_SHOWN_VALUE = 80
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_TYPOGRAPHIC_QUOTES = re.compile("[“”„«»]")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it is and how to fix it.

    `row` is the line of the file on which the row begins (the header is line 1), None where the whole file is meant.
    A problem of the whole folder (`of_folder`) is one of each of its files, and `reason` is the whole sentence.
    `consent` names the loss that a person may accept; empty for what must be fixed.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    reason: str
    of_folder: bool = False
    consent: str = ""

    def __str__(self) -> str:
        """One sentence with file, row, column and value."""
        if self.of_folder:
            return self.reason
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
    """One row of a file: its line, its cells as they are there (trimmed), and its typed values.

    `faulty` are the columns whose cells were refused; no further check speaks of them.
    """

    number: int
    cells: dict[str, str]
    values: dict[str, Any]
    faulty: set[str] = field(default_factory=set)


@dataclass
class Content:
    """What was read from one file, good or not.

    `is_whole` unless rows were left out because they could not be read, or were lost. `data` is None where there is no
    file.
    """

    file: ReferenceFile
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    is_whole: bool = True
    data: bytes | None = field(default=None, repr=False)

    def key_of(self, row: Row) -> str:
        """The row's natural key as text: trimmed, lower case, parts joined by `|`."""
        return "|".join(_key_part(row, name) for name in self.file.key)

    def row_key_of(self, row: Row) -> str:
        """The key of the landed row; the row of a file that has one at most may have an empty natural key."""
        return self.key_of(row) or self.file.name

    def reject(self, row: Row | int | None, column: str | None, value: str | None, reason: str) -> None:
        """Note a problem of this file."""
        number = row.number if isinstance(row, Row) else row
        if isinstance(row, Row) and column is not None:
            row.faulty.add(column)
        self.problems.append(Problem(f"{self.file.name}.csv", number, column, value, reason))


def read_folder(folder: Path | str, in_force: InForce = NOTHING_IN_FORCE) -> dict[str, Content]:
    """Read and check every reference file of a folder.

    Absent files have no rows, lists of vendors those that ship.

    Args:
        folder: the folder of reference files.
        in_force: what has landed before, which a file may not take away without consent.

    Raises:
        SourceError: there is no such folder, and nothing of it is in force.
    """
    path = Path(folder)
    contents = {file.name: _read_file(file, path) for file in FILES}
    for content in contents.values():
        _check_keys(content)
        _check_ranges(content)
        _SPECIAL_CHECKS.get(content.file.name, _nothing_special)(content)
    _check_losses(path, list(contents.values()), in_force)
    if not path.is_dir() and not any(content.problems for content in contents.values()):
        raise SourceError(f"reference: {path} is no folder; set REFERENCE_DIR to the folder with the reference files")
    for content in contents.values():
        _check_references(content, contents)
    return contents


def validate_folder(folder: Path | str, in_force: InForce = NOTHING_IN_FORCE) -> list[Problem]:
    """Everything that is wrong in a folder of reference files, in the order of the files; empty when all is well.

    Args:
        folder: the folder of reference files.
        in_force: what has landed before, which a file may not take away without consent.

    Raises:
        SourceError: there is no such folder, and nothing of it is in force.
    """
    contents = read_folder(folder, in_force)
    return [*unknown_files(folder), *(problem for content in contents.values() for problem in content.problems)]


def unknown_files(folder: Path | str) -> list[Problem]:
    """CSV files in the folder that are none of the reference files, most likely misspelt."""
    names = [file.name for file in FILES]
    return [
        Problem(path.name, None, None, None, f"is no reference file{suggestion(path.stem, names, '.csv')}")
        for path in sorted(Path(folder).glob("*.csv"))
        if path.stem not in names
    ]


# --- one file -----------------------------------------------------------------------------------------------------


def read_file(name: str, folder: Path) -> Content:
    """Read one reference file by itself; what it points at in other files is not checked.

    Args:
        name: the file's name without its ending, such as `session_roots`.
        folder: the folder of reference files; an absent file has no rows.
    """
    file = next(each for each in FILES if each.name == name)
    return _read_file(file, folder)


def _read_file(file: ReferenceFile, folder: Path) -> Content:
    content = Content(file)
    try:
        content.data = (folder / f"{file.name}.csv").read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if not file.is_vendor_list:
            return content
    except OSError as failure:
        content.is_whole = False
        content.reject(None, None, None, f"cannot be read ({failure.strerror}); check its rights")
        return content
    data = content.data
    content.is_whole = False
    text = _decoded(content, (SHIPPED_FOLDER / f"{file.name}.csv").read_bytes() if data is None else data)
    if text is None:
        return content
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = list(_lines(reader))
    except csv.Error as failure:
        content.reject(reader.line_num, None, None, f"is no CSV ({failure}); check the quotes")
        return content
    # Some spreadsheets write, and read, the separator in a first line of its own.
    if lines and (found := re.fullmatch(r'"?sep=(.)"?', ",".join(lines[0][1]).strip(), re.IGNORECASE)):
        if found[1] in _SEPARATORS:
            _reject_separator(content, lines[0][0], found[0], found[1])
            return content
        del lines[0]
    if not lines:
        content.is_whole = True
        return content
    header = _header(content, lines)
    if content.problems:
        return content
    content.is_whole = True
    for number, cells in lines[1:]:
        if any(clean(cell) for cell in cells[len(header) :]) or len(cells) < len(header):
            quotes = "use plain quotes" if _TYPOGRAPHIC_QUOTES.search(",".join(cells)) else "check commas and quotes"
            content.reject(number, None, None, f"has {len(cells)} cells where the header has {len(header)}; {quotes}")
            content.is_whole = False
            continue
        _read_row(content, number, dict(zip(header, cells, strict=False)))
    return content


def _decoded(content: Content, data: bytes) -> str | None:
    """The file's text, UTF-8 or with the mark of UTF-16; None where it is refused."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as failure:
        line = data[: failure.start].count(b"\n") + 1
        content.reject(line, None, None, "is not UTF-8; save the file as UTF-8")
        return None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        content.reject(line, None, None, "holds a NUL character; save the file as UTF-8 or remove it")
        return None
    return text


def _lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each begins; lines without any cell filled are skipped."""
    begins = 1
    for cells in reader:
        if any(clean(cell) for cell in cells):
            yield begins, cells
        begins = reader.line_num + 1


def _reject_separator(content: Content, line: int, shown: str, separator: str) -> None:
    content.reject(line, None, shown, f"is separated by {_SEPARATORS[separator]}; separate the columns by commas")


def _header(content: Content, lines: list[tuple[int, list[str]]]) -> list[str]:
    """The columns' names as the file's declaration has them; empty for a column without name and cells."""
    line, cells = lines[0]
    rows = lines[1:]
    known = {loosely(each.name): each.name for each in content.file.fields}
    if len(cells) == 1 and (separator := next((one for one in _SEPARATORS if one in cells[0]), None)):
        _reject_separator(content, line, clean(cells[0]), separator)
        return []
    # Empty columns behind the last name are no columns.
    while cells and not clean(cells[-1]) and not any(_filled(row, len(cells) - 1) for row in rows):
        cells = cells[:-1]
    header = [known.get(loosely(clean(cell)), clean(cell)) for cell in cells]
    meant: set[str] = set()
    for position, name in enumerate(header):
        filled = next((row for row in rows if _filled(row, position)), None)
        if not name and filled is not None:
            below = clean(filled[1][position])
            content.reject(
                line, str(position + 1), None, f"has no name; name it, or clear {below!r} in row {filled[0]} below it"
            )
        elif name and name not in known.values():
            content.reject(line, name, None, f"is no column of this file{suggestion(name, known.values())}")
            # The column that it is near to is not told as missing beside it.
            meant.add(nearest(name, known.values()) or name)
    for name in dict.fromkeys(name for name in header if name and header.count(name) > 1):
        content.reject(line, name, None, "appears twice in the header; remove one")
    for each in content.file.fields:
        is_needed = each.required and not each.default and each.name not in meant
        if rows and is_needed and each.name not in header:
            content.reject(line, each.name, None, "is missing in the header; add the column")
    return header


def _filled(row: tuple[int, list[str]], position: int) -> bool:
    return position < len(row[1]) and bool(clean(row[1][position]))


def _read_row(content: Content, number: int, texts: dict[str, str]) -> None:
    cells = {each.name: clean(texts[each.name], each) for each in content.file.fields if each.name in texts}
    row = Row(number, cells, {})
    for each in content.file.fields:
        cell = cells.get(each.name, "") or each.default
        row.values[each.name] = None
        if not cell:
            if each.required:
                content.reject(row, each.name, "", "is empty; it needs a value")
            continue
        try:
            row.values[each.name] = typed(each, cell)
        except ValueError as failure:
            content.reject(row, each.name, cell, str(failure))
    content.rows.append(row)


# --- within one file ----------------------------------------------------------------------------------------------


def _key_part(row: Row, name: str) -> str:
    value = row.values.get(name)
    return "" if value is None else folded(str(value))


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
        if (skip_empty and not key) or row.faulty.intersection(names):
            continue
        if key in first:
            shown = ", ".join(row.cells.get(name, "") for name in names)
            content.reject(
                row, " + ".join(names), shown, f"is already in row {first[key].number}; remove or change one"
            )
            # That it overlaps the other row too goes without saying.
            row.faulty.update(names)
        else:
            first[key] = row


def _check_ranges(content: Content) -> None:
    from_name, to_name = content.file.range_fields
    names = {each.name for each in content.file.fields}
    if to_name not in names:
        return
    dated = [row for row in content.rows if not row.faulty.intersection((from_name, to_name, *content.file.range_key))]
    for row in dated:
        begins, ends = row.values.get(from_name), row.values.get(to_name)
        if begins and ends and ends < begins:
            content.reject(row, to_name, row.cells.get(to_name), f"is before {from_name}; exchange or correct them")
    if not content.file.range_key:
        return
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in dated:
        groups.setdefault(tuple(_key_part(row, name) for name in content.file.range_key), []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: row.values.get(from_name) or date.min)
        reaches: tuple[date, Row] | None = None
        for row in rows:
            begins = row.values.get(from_name) or date.min
            ends = row.values.get(to_name) or date.max
            if reaches is not None and begins <= reaches[0]:
                shown = row.cells.get(from_name, "")
                overlaps = "overlaps" if shown else "is empty, which means always, and overlaps"
                content.reject(
                    row,
                    from_name,
                    shown,
                    f"{overlaps} row {reaches[1].number} of the same {' and '.join(content.file.range_key)}; "
                    f"end that row before, or begin this one later",
                )
            if reaches is None or ends > reaches[0]:
                reaches = (ends, row)


def _nothing_special(_content: Content) -> None:
    return


def _check_contracts(content: Content) -> None:
    for row in content.rows:
        has_hours = row.values.get("monthly_hours") is not None or "monthly_hours" in row.faulty
        if row.values.get("type") == "monthly_retainer" and not has_hours:
            content.reject(row, "monthly_hours", "", "is empty; a monthly_retainer needs its hours")


def _check_classifications(content: Content) -> None:
    for row in content.rows:
        if not row.faulty and (row.values.get("project") is None) == (row.values.get("label") is None):
            content.reject(row, "project", row.cells.get("project", ""), "and label: give exactly one of the two")


def _check_clients(content: Content) -> None:
    """Parents must not form a circle (rule 3.7)."""
    by_name = {name: row for row in content.rows for name in _names_of("clients", row)}
    for row in content.rows:
        seen = {row.number}
        current: Row | None = row
        while current is not None and current.values.get("parent_client"):
            current = by_name.get(folded(str(current.values["parent_client"])))
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


def _closing_mend(opens: str, closes: str) -> str:
    if closes == "00:00":
        return "is not after opens; write 24:00 for the end of the day"
    if closes == opens:
        return "is not after opens; correct one of them"
    return (
        f"is not after opens; where business goes past midnight, write two rows: {opens}–24:00 and 00:00–{closes} of "
        "the next day"
    )


def _check_calendars(content: Content) -> None:
    zones: dict[str, Row] = {}
    days: dict[tuple[str, Any], list[Row]] = {}
    for row in content.rows:
        opens, closes = row.values.get("opens"), row.values.get("closes")
        if opens and closes and closes <= opens:
            content.reject(row, "closes", row.cells.get("closes"), _closing_mend(str(opens), str(closes)))
        name = _key_part(row, "calendar")
        first = zones.setdefault(name, row)
        zone, first_zone = row.values.get("timezone"), first.values.get("timezone")
        if zone and first_zone and zone != first_zone:
            content.reject(
                row,
                "timezone",
                row.cells.get("timezone"),
                f"differs from row {first.number} of the same calendar; write {first_zone} or name another calendar",
            )
        if not row.faulty.intersection(("weekday", "opens", "closes")):
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


# --- beside what is in force ---------------------------------------------------------------------------------------


def _check_losses(folder: Path, contents: Sequence[Content], in_force: InForce) -> None:
    """Rows in force do not go by the mistake of a moment (rule 2.16)."""
    losses: list[tuple[Content, Loss]] = []
    for content in contents:
        keys = {content.row_key_of(row) for row in content.rows}
        # A file that is refused anyway takes nothing away.
        if not content.problems and (loss := loss_of(content.file, keys, content.data, in_force)):
            losses.append((content, loss))
    is_emptied = all(content.data is None and not content.problems for content in contents)
    sentence = folder_loss(folder, [loss for _, loss in losses]) if is_emptied else ""
    for content, loss in losses:
        content.is_whole = False
        content.problems.append(
            Problem(
                file=f"{content.file.name}.csv",
                row=None,
                column=None,
                value=None,
                reason=sentence or loss.reason,
                of_folder=is_emptied,
                consent=loss.consent,
            )
        )


# --- between files ------------------------------------------------------------------------------------------------


def _names_of(file: str, row: Row) -> set[str]:
    """The names by which other files may point at a row (rule 2.3)."""
    names = {
        "clients": ("client", "company_name", "trading_name", "account_number"),
        "contracts": ("contract_number", "name"),
        "developers": ("email",),
        "business_calendars": ("calendar",),
        "service_types": ("name",),
        "accounts": ("plaid_account_id", "label"),
    }[file]
    return {key for name in names if (key := folded(row.cells.get(name, "")))}


def _check_references(content: Content, contents: dict[str, Content]) -> None:
    for each in content.file.fields:
        # Clockify knows projects that no file names: whether a project exists is for the models to say.
        if not each.refers_to or each.refers_to == "projects":
            continue
        target = contents[each.refers_to]
        # Of a file that could not be read whole nobody knows what it names.
        if not target.rows or not target.is_whole:
            continue
        known: dict[str, list[Row]] = {}
        for row in target.rows:
            for name in _names_of(each.refers_to, row):
                known.setdefault(name, []).append(row)
        for row in content.rows:
            cell = row.values.get(each.name)
            if cell is None:
                continue
            found = known.get(folded(str(cell)), [])
            if not found and not _may_be_known_elsewhere(each.refers_to, str(cell), target):
                shown = sorted({row.cells.get(_shown_name(each.refers_to), "") for row in target.rows} - {""})
                content.reject(
                    row,
                    each.name,
                    row.cells.get(each.name) or str(cell),
                    f"is not in {each.refers_to}.csv{suggestion(str(cell), shown)}",
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
        # Where a row of clients.csv gives an id, its Clockify name is in no file.
        return bool(_ID.fullmatch(cell)) or any(_ID.fullmatch(row.cells.get("client", "")) for row in target.rows)
    if file == "contracts":
        has_unnumbered = any(not row.cells.get("contract_number") for row in target.rows)
        return bool(_ID.fullmatch(cell)) or (has_unnumbered and bool(_GENERATED_CONTRACT_NUMBER.fullmatch(cell)))
    # Accounts go by our ids too, which are in no file: CHK-5809.
    return file == "accounts" and bool(_ID.fullmatch(cell))


def _is_ambiguous(row: Row, found: list[Row], column: str) -> bool:
    """A contract's name that several contracts of the row's client bear; a number is always one."""
    cell = folded(str(row.values[column]))
    if any(folded(each.cells.get("contract_number", "")) == cell for each in found):
        return False
    client = row.values.get("client")
    if client is not None:
        same_client = [each for each in found if folded(each.cells.get("client", "")) == folded(str(client))]
        found = same_client or found
    return len({each.number for each in found}) > 1
