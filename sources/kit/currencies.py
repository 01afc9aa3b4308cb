"""Which currencies there are and how many decimals each has, as two libraries know it. No table of our own here."""

from __future__ import annotations

from babel.numbers import get_currency_precision, is_currency, list_currencies
from iso4217 import raw_table

MOST_DECIMALS = 2
"""Amounts are kept with two decimals (rule 1.5), so a currency with more cannot be billed."""


def decimals_of(code: str) -> int | None:
    """Decimals of a currency's amounts: 2 for EUR, 0 for JPY, 3 for KWD; None where there is no such currency.

    Source: ISO 4217 for the currencies of today; Unicode's CLDR for withdrawn ones such as BGN, which ISO's list of
    current codes no longer has but last year's contracts do. ISO goes first: CLDR gives some currencies no decimals
    because nobody uses them in cash (RSD, ALL), though banks and invoices do.

    Args:
        code: three upper-case letters.

    Returns:
        None too for what ISO lists without decimals: metals, units of account and test codes such as XAU and XXX.
    """
    if current := raw_table.get(code):
        decimals = str(current["CcyMnrUnts"])
        return int(decimals) if decimals.isdigit() else None
    return get_currency_precision(code) if is_currency(code) else None


def is_known(code: str) -> bool:
    """Tell whether ISO 4217 has, or once had, the code; `code` is three upper-case letters."""
    return code in raw_table or is_currency(code)


def all_decimals() -> dict[str, int]:
    """Decimals of every currency that has any, 0 included, by code."""
    # ISO lists countries without a currency, too.
    codes = sorted({code for code in (*raw_table, *list_currencies()) if code})
    return {code: decimals for code in codes if (decimals := decimals_of(code)) is not None}
