"""How a document says things: words by language, dates by client, numbers as the language writes them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from babel.dates import format_date
from babel.numbers import format_decimal

from sources.kit.currencies import decimals_of

_FOLDER: Final = Path(__file__).parent / "languages"
LANGUAGES: Final = tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@dataclass(frozen=True)
class Wording:
    """Words and formats of a document."""

    language: str
    date_format: str
    """Pattern of Unicode's date fields, such as `dd.MM.y`."""
    currency: str

    def __getitem__(self, name: str) -> str:
        """The word for something; the file of the language has them all."""
        return words(self.language)[name]

    def day(self, day: date) -> str:
        """A date as the client reads it, on one line."""
        text = format_date(day, self.date_format or self["date_format"], locale=self.language)
        return text.replace(" ", "\u00a0")

    def amount(self, amount: Decimal) -> str:
        """An amount with the decimals of its currency."""
        return self._number(amount, self._decimals, self._decimals)

    def rate(self, rate: Decimal) -> str:
        """A price an hour, with up to four decimals."""
        return self._number(rate, self._decimals, 4)

    def hours(self, quantity: Decimal) -> str:
        """Hours, or pieces, with two to four decimals."""
        return self._number(quantity, 2, 4)

    def percent(self, fraction: Decimal) -> str:
        """A fraction as a percentage, such as `19 %`."""
        return f"{self._number(fraction * 100, 0, 2)}\u00a0%"

    @property
    def _decimals(self) -> int:
        # Schema billing keeps two, whatever the currency has.
        known = decimals_of(self.currency)
        return 2 if known is None else min(known, 2)

    def _number(self, value: Decimal, least: int, most: int) -> str:
        places = "0" * least + "#" * (most - least)
        return format_decimal(value, f"#,##0.{places}" if places else "#,##0", locale=self.language)


@cache
def words(language: str) -> Mapping[str, str]:
    """The words of a language.

    Args:
        language: one of `LANGUAGES`.
    """
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def clock(seconds: int) -> str:
    """Seconds as h:mm:ss."""
    sign, minutes = "-" if seconds < 0 else "", abs(seconds) // 60
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{abs(seconds) % 60:02}"
