"""Turns what was read into HTML: a page of the server, or one file that holds everything it needs."""

import base64
import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from dashboards import values
from dashboards.definitions import Chart, Figure, Format, Level, Page, Query, Table, pages
from dashboards.filters import Filters
from dashboards.reading import MOST_ROWS, Content, Result
from sources.kit.spreadsheets import harmless

_FOLDER: Final = Path(__file__).parent
# Each once, in the order in which a page needs them.
SCRIPTS: Final = ("vendor/vega.min.js", "vendor/vega-lite.min.js", "vendor/vega-interpreter.js", "page.js")
STYLE: Final = "page.css"
# Months of a small line.
_LINE_MONTHS: Final = 13


def static_file(name: str) -> str:
    """The text of a script or of the style sheet.

    Raises:
        KeyError: there is no such file.
    """
    return _static_files()[name]


@cache
def _static_files() -> dict[str, str]:
    texts = {name: (_FOLDER / "static" / name).read_text(encoding="utf-8") for name in (*SCRIPTS, STYLE)}
    name = "vendor/vega-interpreter.js"
    # The package comes as a module only, and a file that is opened from a disk cannot load modules.
    text = texts[name]
    head, tail = "import {", "} from 'vega-util';"
    imported = text[text.index(head) + len(head) : text.index(tail)]
    body = text[text.index(tail) + len(tail) : text.index("export { expression as expressionInterpreter };")]
    texts[name] = f"(() => {{const {{{imported}}} = vega;{body}vega.expressionInterpreter = expression;}})();\n"
    return texts


def policy(*, standalone: bool) -> str:
    """The content security policy: no script but the page's own, none made from text, and no connection elsewhere.

    Args:
        standalone: whether scripts and style are in the page, named by their hashes.
    """
    scripts = style = server = "'self'"
    if standalone:
        scripts = " ".join(_hash(static_file(name)) for name in SCRIPTS)
        style, server = _hash(static_file(STYLE)), "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src {style}; img-src data:; connect-src {server}; "
        f"form-action {server}; base-uri 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def csv_text(result: Result) -> str:
    """The rows as CSV, as `workledger sql --csv` writes them: no cell starts a formula in a spreadsheet."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(harmless(name) for name in result.columns)
    for row in result.rows:
        writer.writerow(None if value is None else harmless(_in_csv(value)) for value in row)
    return lines.getvalue()


def _in_csv(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


@dataclass(frozen=True)
class Line:
    """One currency of a headline figure, or the figure itself where it has none, with its small line."""

    value: str
    currency: str | None
    change: str | None
    tone: str
    before: str | None
    running: str | None
    note: str | None
    points: tuple[tuple[float, float, bool], ...] = ()


@dataclass(frozen=True)
class Card:
    """A headline figure; `of` is its month, `today`, or that nothing is known."""

    figure: Figure
    of: str
    lines: tuple[Line, ...]


def cards(page: Page, result: Result) -> list[Card]:
    """The headline figures of the last month that is over, with the change to the one before and the running month."""
    return [_card(figure, result.records()) for figure in page.figures]


def _card(figure: Figure, records: list[dict[str, Any]]) -> Card:
    by_currency: dict[str | None, list[dict[str, Any]]] = {}
    for record in records:
        if record[figure.column] is not None:
            by_currency.setdefault(record.get("currency") if figure.format == "money" else None, []).append(record)
    known = [record for rows in by_currency.values() for record in rows if record["month"]]
    # A month that is over for some figure is over for all, even where this one is not known.
    closed = (
        max((one["month"] for one in records if one["month"] and one["is_complete"]), default=None) if known else None
    )
    if len(by_currency) > 1:
        # A currency in which nothing moved for a year says nothing.
        by_currency = {code: rows for code, rows in by_currency.items() if any(row[figure.column] for row in rows)}
    lines = tuple(_line(figure, currency, rows, closed) for currency, rows in by_currency.items())
    return Card(
        figure,
        f"{closed:%B %Y}" if closed else "today" if lines else "nothing known yet",
        lines or (Line(values.UNKNOWN, None, None, "flat", None, None, None),),
    )


def _line(figure: Figure, currency: str | None, rows: list[dict[str, Any]], closed: Any) -> Line:
    form: Format = figure.format
    months = {row["month"]: row[figure.column] for row in rows}
    notes = {row["month"]: _note(figure, row) for row in rows}
    if closed is None:
        # A state of today, without a history.
        return Line(values.figure(months.get(None), form), currency, None, "flat", None, None, notes.get(None))
    before_month = (closed - timedelta(days=1)).replace(day=1)
    value, before = months.get(closed), months.get(before_month)
    change = values.change(value, before, form)
    running = next((row for row in rows if row["month"] and row["month"] > closed), None)
    tone = "flat"
    if figure.better and value is not None and before is not None and value != before:
        tone = "good" if (value > before) == (figure.better == "higher") else "bad"
    return Line(
        values.figure(value, form),
        currency,
        change,
        tone,
        f"{before_month:%b}",
        f"{running['month']:%b} so far {values.figure(running[figure.column], form)}" if running else None,
        notes.get(closed),
        _points([(row[figure.column], row["is_complete"]) for row in rows if row["month"]]),
    )


def _note(figure: Figure, row: Mapping[str, Any]) -> str | None:
    fraction = row[figure.note] if figure.note else None
    return None if fraction is None else figure.note_text.format(values.figure(fraction, "percent"))


def _points(series: list[tuple[Any, bool]]) -> tuple[tuple[float, float, bool], ...]:
    """Points of the small line within 100 × 24; the third is whether its month is over."""
    shown = series[-_LINE_MONTHS:]
    if len(shown) < 2:
        return ()
    numbers = [float(value) for value, _ in shown]
    low, high = min(*numbers, 0.0), max(numbers)
    height = (high - low) or 1.0
    return tuple(
        (round(2 + 96 * place / (len(shown) - 1), 1), round(22 - 20 * (number - low) / height, 1), complete)
        for place, (number, (_, complete)) in enumerate(zip(numbers, shown, strict=True))
    )


def render(content: Content, *, standalone: bool) -> str:
    """The page as HTML.

    Args:
        content: what was read.
        standalone: whether the file must hold everything, as an attachment of a mail does: scripts, style and CSV.
    """
    page = content.page
    drawn = {
        block.query.name: {"specification": block.specification, "columns": result.columns, "rows": result.rows}
        for block in page.blocks
        if isinstance(block, Chart) and (result := content.results[block.query.name]).rows
    }
    return _template("page.html").render(
        page=page,
        pages=pages().values(),
        content=content,
        filters=content.filters,
        kept=f"?{content.filters.address()}" if content.filters.address() else "",
        cards=cards(page, content.results["figures"]),
        data=values.json_in_script(drawn),
        standalone=standalone,
        csv_address=_csv_link(content, standalone=standalone),
        most_rows=MOST_ROWS,
    )


def render_rows(page: Page, level: Level, result: Result, chosen: str) -> str:
    """What a row of a table unfolds to, as a part of a page.

    Args:
        page: whose row it is.
        level: of the rows below it.
        result: those rows.
        chosen: filters, as in an address.
    """
    [levels] = [
        block.levels[block.levels.index(level) :]
        for block in page.blocks
        if isinstance(block, Table) and level in block.levels
    ]
    return _template("rows.html").render(page=page, levels=levels, result=result, chosen=chosen, most_rows=MOST_ROWS)


def render_failure(title: str, sentence: str, page: Page | None) -> str:
    """A page that says why there is nothing to see, and what to do.

    Args:
        title: what is wrong, in a few words.
        sentence: what to do.
        page: which page was asked for, so that it can be asked for again without filters.
    """
    return _template("failure.html").render(
        title=title, sentence=sentence, page=page, pages=pages().values(), standalone=False, kept=""
    )


def _csv_link(content: Content, *, standalone: bool) -> Callable[[Query], str]:
    def link(query: Query) -> str:
        if not standalone:
            chosen = content.filters.address()
            return f"/{content.page.name}/{query.name}.csv{'?' if chosen else ''}{chosen}"
        encoded = base64.b64encode(csv_text(content.results[query.name]).encode()).decode()
        return f"data:text/csv;charset=utf-8;base64,{encoded}"

    return link


def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "static_file": static_file,
        "scripts": SCRIPTS,
        "style": STYLE,
        "policy": lambda: policy(standalone=True),
        "cell": values.cell,
        "heading": values.heading,
        "prose": values.prose,
        "are_numbers": lambda shown, rows: [any(values.is_number(row[place]) for row in rows) for place, _ in shown],
        "shown": lambda columns: [(place, name) for place, name in enumerate(columns) if not name.endswith("_id")],
        "is_chart": lambda block: isinstance(block, Chart),
        "unset": _unset,
        "below": _below,
    }
    return environment


def _unset(query: Query, filters: Filters) -> list[str]:
    """Filters in force that a query does not know; its title says so."""
    chosen = {"client": filters.client, "person": filters.person, "currency": filters.currency}
    return [name for name, value in chosen.items() if value and f"%({name})s" not in (query.sql or "")]


def _below(level: Level, results: Mapping[str, Result], key: Any) -> list[tuple[Any, ...]]:
    """The rows of a level below the row with a key."""
    result = results[level.query.name]
    place = result.columns.index(level.parent) if result.rows and level.parent else 0
    return [row for row in result.rows if row[place] == key]
