"""From the text of one cell to its typed value, or one sentence that says what to write instead. No files here.

Spreadsheets write the same value in many ways. What has one reading is taken; what has several, or would hide that a
file follows another country's habits (a decimal comma), is refused with the values that may be meant.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sources.kit.currencies import MOST_DECIMALS, decimals_of, is_known
from sources.reference import invoice_numbers
from sources.reference.schema import Field, Form

_TRUE = {"true", "yes", "y", "t", "1", "1.0", "wahr", "ja", "vrai", "oui", "verdadero"}
_FALSE = {"false", "no", "n", "f", "0", "0.0", "falsch", "nein", "faux", "non", "falso"}
_CORRECT_THE_NAME = "remove it or correct the name"
_NOTHING = {"-", "–", "—", "n/a", "na", "null", "none", "nil"}

_MOST_DIGITS = 18
"""Before the point, and after it."""

_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")
_SPACES = re.compile("[\u00a0\u2007\u202f\u3000]")
# Where letters matter more than their looks: a file system may know both spellings of one name.
_VERBATIM: tuple[Form, ...] = ("path", "pattern")

_SHEET_ERROR = re.compile(
    r"#(N/A|NAME\?|REF!|VALUE!|DIV/0!|NUM!|NULL!|SPILL!|CALC!|ERROR!|NV|BEZUG!|WERT!|ZAHL!)", re.I
)
_FORMULA = re.compile(r"=[A-Za-z0-9(+\-\"'$@].*", re.DOTALL)
# How spreadsheets shorten an id of digits that is longer than they can hold.
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d{2,}", re.ASCII)

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}([,.' ])\d{3}(\1\d{3})*", re.ASCII)
_DECIMAL = re.compile(r"\d*[,.]\d+", re.ASCII)
_CODE = re.compile(r"^(US|AU|CA|NZ|HK)?\$|^[A-Z]{3}(?=[\s\d.,+-])|(?<=[\s\d])[A-Z]{3}$", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.0+)?)?\s*([AP]\.?M\.?)?", re.ASCII | re.IGNORECASE)
_HOURS_AND_MINUTES = re.compile(
    r"(?:PT)?(?:(?P<hours>\d+(?:\.\d+)?)\s*h(?:ours?|rs?)?\.?)?\s*(?:(?P<minutes>\d+)\s*m(?:in(?:utes?|s)?)?\.?)?",
    re.ASCII | re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_MIDNIGHT = re.compile(r"[T ]0{1,2}:00(:00(\.0+)?)?(Z|\+00:00)?$", re.ASCII)
_DAY_ZERO = date(1899, 12, 30)
"""Day 0 of the numbers by which spreadsheets keep dates."""
# Groups that Python knows and Postgres does not: named ones, conditions, flags of a part.
_PYTHON_ALONE = re.compile(r"(?<!\\)\(\?(?![:=!#]|<[=!]|[imsx]+\)).?")


def clean(text: str, each: Field | None = None) -> str:
    """The cell without what nobody sees: spaces around it, zero-width characters, decomposed letters (NFC)."""
    if each is not None and each.form in _VERBATIM:
        return text.strip()
    return unicodedata.normalize("NFC", _SPACES.sub(" ", _INVISIBLE.sub("", text))).strip()


def folded(text: str) -> str:
    """The text by which names compare: without regard to case, nor to how its letters are composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


def loosely(text: str) -> str:
    """The text by which column names and fixed values compare: spaces, hyphens and underscores do not count either."""
    return re.sub(r"[\s_-]+", "", folded(text))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, None where none is."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def suggestion(name: str, known: Iterable[str], ending: str = "", otherwise: str = _CORRECT_THE_NAME) -> str:
    """`; did you mean …?` where a known name is near, else `; ` and `otherwise`."""
    near = nearest(name, known)
    return f"; did you mean {near}{ending}?" if near else f"; {otherwise}"


def typed(each: Field, cell: str) -> Any:
    """The cell's value by the field's declaration.

    Args:
        each: the field.
        cell: its text after `clean`, not empty.

    Raises:
        ValueError: the cell does not fit; the message says why and what to write.
    """
    if each.form not in _VERBATIM:
        _refuse_what_no_cell_holds(each, cell)
    if each.listed:
        parts = [_choice(part.strip(), each.values) for part in re.split("[;,]", cell) if part.strip()]
        if not parts:
            raise ValueError(f"names nothing; write one or more of {', '.join(each.values)}")
        if len(set(parts)) != len(parts):
            raise ValueError("names one value twice; remove one")
        return ";".join(parts)
    if each.values:
        return _choice(cell, each.values)
    try:
        value = _TYPES[each.kind](cell)
    except ValueError as failure:
        raise ValueError(_mend(each, cell) or str(failure)) from None
    if each.form in _FORMS:
        value = _FORMS[each.form](value)
    if each.minimum is not None and value < each.minimum:
        raise ValueError(f"is less than {each.minimum:g}; give {each.minimum:g} or more")
    if each.maximum is not None and value > each.maximum:
        raise ValueError(f"is more than {each.maximum:g}; give {each.maximum:g} or less")
    if each.above is not None and value <= each.above:
        raise ValueError(f"is not above {each.above:g}; give a greater number")
    return value


def _refuse_what_no_cell_holds(each: Field, cell: str) -> None:
    if _SHEET_ERROR.fullmatch(cell):
        raise ValueError("is an error of the spreadsheet; write the value itself")
    if _FORMULA.fullmatch(cell):
        raise ValueError("is a formula; write its result")
    if each.kind == "text" and _SHORTENED.fullmatch(cell):
        raise ValueError("was shortened by a spreadsheet; format the column as text and write the value in full")


def _mend(each: Field, cell: str) -> str | None:
    """What to write instead of a cell that is no value of the field's type, where that can be told."""
    if not each.required and cell.casefold() in _NOTHING:
        return "stands for nothing; leave the cell empty"
    if _parsed(cell) is not None:
        return None
    if each.kind == "bigint" and (fix := _whole_number_meant(each, cell)):
        return f"is no whole number; write {fix}"
    if each.kind == "numeric" and (fix := _number_meant(each, cell)):
        return f"is no number; write {fix}"
    return None


def _choice(cell: str, allowed: tuple[str, ...]) -> str:
    by_fold = {loosely(value): value for value in allowed}
    if loosely(cell) not in by_fold:
        near = suggestion(cell, allowed, otherwise="write one of them")
        raise ValueError(f"is none of {', '.join(allowed)}{near}")
    return by_fold[loosely(cell)]


# --- numbers ------------------------------------------------------------------------------------------------------


def _parsed(cell: str) -> Decimal | None:
    text = cell.replace("\u2212", "-")
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _number(cell: str) -> Decimal:
    number = _parsed(cell)
    if number is None:
        raise ValueError("is no number; write it as 1234.56")
    exponent = number.as_tuple().exponent
    if number.adjusted() >= _MOST_DIGITS or (isinstance(exponent, int) and -exponent > _MOST_DIGITS):
        raise ValueError("has more digits than any amount or rate; correct it")
    # 7.1E-05 lands as 0.000071.
    return Decimal(f"{number:f}")


def _integer(cell: str) -> int:
    number = _parsed(cell)
    if number is None or number != number.to_integral_value() or number.adjusted() >= _MOST_DIGITS:
        raise ValueError("is no whole number; write digits alone")
    return int(number)


def _whole_number_meant(each: Field, cell: str) -> str:
    if each.form == "minutes" and (minutes := _duration_minutes(cell)) is not None:
        return _plain(minutes)
    return " or ".join(_plain(number) for number in _readings(cell) if number == number.to_integral_value())


def _number_meant(each: Field, cell: str) -> str:
    if cell.endswith("%") and len(numbers := _readings(cell[:-1])) == 1:
        return f"{_plain(numbers[0] / 100)} for {_plain(numbers[0])} %"
    if each.form == "hours" and (minutes := _duration_minutes(cell)) is not None:
        return _plain(round(minutes / 60, 4))
    return " or ".join(map(_plain, _readings(cell)))


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _readings(cell: str) -> list[Decimal]:
    """The numbers that a cell with currency signs, thousands separators or a decimal comma may mean, at most two."""
    text = _CODE.sub("", cell.replace("\u2212", "-").replace("’", "'").replace("_", " "))
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Sc").strip()
    negative = text.startswith("-") or text.endswith("-") or (text.startswith("(") and text.endswith(")"))
    text = text.strip("+-() ")
    found: list[str] = []
    if _NUMBER.fullmatch(text):
        found.append(text)
    else:
        last = max(text.rfind(","), text.rfind("."))
        whole, fraction = text[:last], text[last + 1 :]
        if _GROUPED.fullmatch(text):
            found.append(re.sub(r"\D", "", text))
        if last >= 0 and fraction.isdecimal() and text[last] not in whole:
            if _GROUPED.fullmatch(whole):
                found.append(f"{re.sub(r'[^0-9]', '', whole)}.{fraction}")
            elif _DECIMAL.fullmatch(text):
                found.append(text.replace(",", "."))
    numbers = [-Decimal(one) if negative else Decimal(one) for one in dict.fromkeys(found)]
    return [number for number in numbers if number.adjusted() < _MOST_DIGITS]


def _duration_minutes(cell: str) -> Decimal | None:
    """Minutes of 1:30, 1:30:00, 1h 30m, PT1H30M, 90 min or 1.5 h."""
    if found := re.fullmatch(r"(\d{1,3}):([0-5]\d)(:00)?", cell, re.ASCII):
        return Decimal(int(found[1]) * 60 + int(found[2]))
    found = _HOURS_AND_MINUTES.fullmatch(cell)
    if found is None or not (found["hours"] or found["minutes"]):
        return None
    return Decimal(found["hours"] or 0) * 60 + Decimal(found["minutes"] or 0)


# --- other types --------------------------------------------------------------------------------------------------


def _boolean(cell: str) -> bool:
    lowered = cell.casefold()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("is neither true nor false; write one of them")


def _day(cell: str) -> date:
    text = _MIDNIGHT.sub("", cell)
    if re.fullmatch(r"\d{8}", text, re.ASCII):
        return _calendar_day(int(text[:4]), int(text[4:6]), int(text[6:]))
    if found := _YEAR_FIRST.fullmatch(text):
        return _calendar_day(int(found[1]), int(found[3]), int(found[4]))
    if found := _YEAR_LAST.fullmatch(text):
        return _day_with_year_last(int(found[1]), int(found[3]), found[4], found[2])
    if re.fullmatch(r"\d{5}(\.0+)?", text, re.ASCII):
        meant = _DAY_ZERO + timedelta(days=int(text[:5]))
        raise ValueError(f"is no date but a spreadsheet's number of a day; write {meant.isoformat()}")
    raise ValueError("is no date; write it as YYYY-MM-DD")


def _calendar_day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("is no day of the calendar; correct it") from None


def _day_with_year_last(first: int, second: int, year: str, separator: str) -> date:
    """Days with points have the day first; with other separators some countries write the month first."""
    orders = [(second, first)] if separator == "." else [(second, first), (first, second)]
    meant: list[date] = []
    for month, day in orders:
        try:
            meant.append(date(int(year if len(year) == 4 else f"20{year}"), month, day))
        except ValueError:
            continue
    meant = list(dict.fromkeys(meant))
    if not meant:
        raise ValueError("is no day of the calendar; correct it")
    if len(meant) > 1 or len(year) == 2:
        raise ValueError(f"is no date with one meaning; write {' or '.join(map(date.isoformat, meant))}")
    return meant[0]


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


# --- forms --------------------------------------------------------------------------------------------------------


def _currency(value: str) -> str:
    code = _known_currency(value)
    decimals = decimals_of(code)
    if decimals is None:
        raise ValueError("is no currency that anything is paid in; write three letters such as USD")
    if decimals > MOST_DECIMALS:
        raise ValueError(
            f"has {decimals} decimals, but amounts here have {MOST_DECIMALS} at most; write another currency"
        )
    return code


def _known_currency(value: str) -> str:
    code = value.upper()
    if not re.fullmatch(r"[A-Z]{3}", code, re.ASCII):
        raise ValueError("is no currency; write three letters such as USD")
    if not is_known(code):
        raise ValueError("is no currency of ISO 4217; write three letters such as USD")
    return code


@cache
def _zones() -> dict[str, str]:
    return {zone.casefold(): zone for zone in available_timezones()}


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        if zone := _zones().get(value.replace(" ", "_").casefold()):
            return zone
        ends = [zone for zone in sorted(_zones().values()) if zone.casefold().endswith(f"/{value.casefold()}")]
        example = ends[0] if len(ends) == 1 else "Europe/Berlin"
        raise ValueError(f"is no time zone; write an IANA name such as {example}") from None
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>,;:]+@[^@\s<>,;:]+", value):
        raise ValueError("is no e-mail address; write it as name@example.com")
    return value


def _country(value: str) -> str:
    code = value.upper()
    if not re.fullmatch(r"[A-Z]{2}", code, re.ASCII):
        raise ValueError("is no country code; write two letters of ISO 3166 such as DE")
    return code


def _clock(value: str) -> str | None:
    """HH:MM, or HH:MM:SS where there are seconds; None for what is no time of day, 24:00 is one."""
    found = _CLOCK.fullmatch(value)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if half := found[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    elif (hour, minute, second) == (24, 0, 0):
        return "24:00"
    try:
        return time(hour, minute, second).isoformat("seconds" if second else "minutes")
    except ValueError:
        return None


def _time_mend(value: str) -> str:
    """What to write instead of a time of day that spreadsheets and people write otherwise."""
    if re.fullmatch(r"0?\.\d+", value, re.ASCII):
        minutes = round(float(value) * 24 * 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"
    if (found := re.fullmatch(r"(\d{1,2})(?:[.h]([0-5]\d)?)?", value, re.ASCII)) and int(found[1]) <= 24:
        return f"{int(found[1]):02}:{found[2] or '00'}"
    return "it as HH:MM"


def _time_of_day(value: str) -> str:
    moment = _clock(value)
    if moment is None or len(moment) > len("HH:MM"):
        raise ValueError(f"is no time of day; write {_time_mend(value)}")
    return moment


def _time_or_moment(value: str) -> str:
    if moment := _clock(value):
        # A time that needs no reading stays as it is written.
        return value if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", value, re.ASCII) else moment
    if ":" not in value or re.fullmatch(r"[\d:]+", value, re.ASCII):
        raise ValueError(f"is no time of day; write {_time_mend(value)}")
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
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
    if 1 <= value < 100:
        raise ValueError(f"is no fraction; write {_plain(value / 100)} for {_plain(value)} %")
    if not 0 <= value < 1:
        raise ValueError("is no fraction; write 0.19 for 19 %")
    return value


def _invoice_number(value: str) -> str:
    return invoice_numbers.parse(value).text


_FORMS: dict[Form, Callable[[Any], Any]] = {
    "currency": _currency,
    "known_currency": _known_currency,
    "timezone": _timezone,
    "email": _email,
    "time_of_day": _time_of_day,
    "time_or_moment": _time_or_moment,
    "pattern": _pattern,
    "fraction": _fraction,
    "invoice_number": _invoice_number,
    "country": _country,
}
