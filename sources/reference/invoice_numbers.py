"""How invoice numbers are formed: the text in `invoice_number_format`, read in one place (rule 10.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Reset = Literal["never", "year", "month"]

_PLACE = r"\{(?P<name>[^{}:]*)(?P<width>:0?\dd?)?\}"
# A run of # stands for the number, unless the number has a place of its own.
_NAMED, _NAMED_OR_RUN = re.compile(_PLACE + "(?P<run>)"), re.compile(_PLACE + "|(?P<run>#+)")
_KNOWN = "known are {year}, {month}, {client}, {number} and {number:04} with zeros in front"


@dataclass(frozen=True)
class NumberFormat:
    """A format such as `LW-{year}-{number:04}`, checked."""

    text: str

    @property
    def reset(self) -> Reset:
        """When numbers begin at 1 again: with each year or month that the number itself shows."""
        return "month" if "{month}" in self.text else "year" if "{year}" in self.text else "never"

    @property
    def is_of_client(self) -> bool:
        """Whether each client has a series of its own, which the number shows."""
        return "{client}" in self.text

    def period(self, issue_date: date) -> str:
        """The year or month of whose numbers this is one: `2026`, `2026-07`, or nothing."""
        return {"month": f"{issue_date:%Y-%m}", "year": f"{issue_date:%Y}", "never": ""}[self.reset]

    def number(self, number: int, issue_date: date, client: str) -> str:
        """The invoice's number in full; `client` is the client's account number."""

        parts = {"year": f"{issue_date:%Y}", "month": f"{issue_date:%m}", "client": client}

        def fill(place: re.Match[str]) -> str:
            width = len(place["run"]) if place["run"] else int((place["width"] or ":1").strip(":d"))
            return parts.get(place["name"]) or f"{number:0{width}}"

        return _places(self.text).sub(fill, self.text if _number_places(self.text) else f"{self.text}{{number}}")


def parse(text: str) -> NumberFormat:
    """Read a format.

    Raises:
        ValueError: it has an unknown place, two places for the number, or a month without its year; says so in a form
            that continues a sentence about the cell.
    """
    if re.search(r"[{}]", _NAMED.sub("", text)):
        raise ValueError("has a brace without its other half; write it like INV-{year}-{number:04}")
    for place in _NAMED.finditer(text):
        name = place["name"]
        if name not in ("year", "month", "client", "number") or (place["width"] and name != "number"):
            raise ValueError(f"has {place.group()}; {_KNOWN}")
    if _number_places(text) > 1:
        raise ValueError("has two places for the number; leave one, such as INV-{year}-{number:04}")
    if "{month}" in text and "{year}" not in text:
        raise ValueError("has {month} without {year}, so that numbers repeat after a year; write {year}-{month}")
    return NumberFormat(text)


def _places(text: str) -> re.Pattern[str]:
    return _NAMED if "{number" in text else _NAMED_OR_RUN


def _number_places(text: str) -> int:
    return sum(1 for place in _places(text).finditer(text) if place["run"] or place["name"] == "number")
