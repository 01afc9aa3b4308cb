"""How values are written: in a table, on a headline figure, in the JSON of a chart."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from markupsafe import Markup

from dashboards.definitions import Format

# What stands for a value that is not known.
UNKNOWN: Final = "–"
# HTML ends a script at `</`, whatever is in it, and begins a comment at `<!--`.
_IN_SCRIPT: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def heading(column: str) -> str:
    """The heading of a column: `used_hours` is `Used hours`, `ai_cost_usd` is `AI cost, USD`."""
    text = column.removesuffix("_usd").removesuffix("_percent").replace("_", " ")
    text = text[0].upper() + text[1:]
    words = [{"ai": "AI", "Ai": "AI", "id": "ID"}.get(word, word) for word in text.split(" ")]
    unit = ", USD" if column.endswith("_usd") else ", %" if column.endswith("_percent") else ""
    return " ".join(words) + unit


def cell(column: str, value: Any) -> str:
    """The value of a table's cell.

    Args:
        column: hours and percentages have one decimal, other numbers that are not whole have two; dates do not break.
        value: as the database driver gives it.
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.day} {value:%b %Y %H:%M}".replace(" ", "\u00a0")
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}".replace(" ", "\u00a0")
    if isinstance(value, Decimal):
        decimals = 1 if column.endswith(("hours", "percent", "days")) else 2
        return grouped(value, decimals)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def prose(text: str) -> Markup:
    """A sentence of ours, in which `…` are commands and names."""
    parts = text.split("`")
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if place % 2 else part for place, part in enumerate(parts))


def is_number(value: Any) -> bool:
    """Whether a cell stands on the right."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def grouped(value: Decimal, decimals: int) -> str:
    """A number with thousands apart, rounded half away from zero as the warehouse rounds; a minus is a minus sign."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding="ROUND_HALF_UP")
    text = f"{abs(rounded):,}"
    return f"−{text}" if rounded < 0 else text


def figure(value: Decimal | int | None, form: Format) -> str:
    """A headline figure, without its currency.

    Args:
        value: seconds for `hours`, a fraction for `percent`, units of currency for `money`.
        form: how it is written; money of 10,000 and more is written in whole units, a count of 10 million in millions.
    """
    if value is None:
        return UNKNOWN
    amount = Decimal(value)
    match form:
        case "hours":
            return grouped(amount / 3600, 1)
        case "percent":
            return f"{grouped(amount * 100, 1)} %"
        case "money":
            return grouped(amount, 0 if abs(amount) >= 10_000 else 2)
        case "days":
            return grouped(amount, 1)
        case "count":
            return f"{grouped(amount / 1_000_000, 1)} M" if abs(amount) >= 10_000_000 else grouped(amount, 0)


def change(value: Decimal | int | None, before: Decimal | int | None, form: Format) -> str | None:
    """The change from one month to the next: in points for fractions, as a number for counts, else in percent.

    Returns:
        None where one of them is unknown, or nothing can be said in percent.
    """
    if value is None or before is None:
        return None
    difference = Decimal(value) - Decimal(before)
    if form == "percent":
        points = difference * 100
        return f"{_sign(points)}{grouped(abs(points), 1)} points"
    if form == "count" and abs(Decimal(value)) < 1000:
        return f"{_sign(difference)}{grouped(abs(difference), 0)}"
    if before == 0:
        return None
    share = difference / abs(Decimal(before)) * 100
    return f"{_sign(share)}{grouped(abs(share), 1)} %"


def _sign(value: Decimal) -> str:
    return "+" if value > 0 else "−" if value < 0 else "±"


def json_in_script(value: Any) -> str:
    """JSON that can stand within `<script>`, whatever texts are in it."""
    return json.dumps(value, ensure_ascii=False, default=_plain, separators=(",", ":")).translate(_IN_SCRIPT)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        # Without a time, browsers take a date for midnight in UTC, and west of it show the day before.
        return f"{value.isoformat()}T00:00:00"
    return str(value)
