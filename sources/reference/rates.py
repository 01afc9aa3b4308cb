"""Which exchange rates the reference files need and do not have. How amounts are converted is the models' part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sources.reference.schema import FILES

Rows = Callable[[str, tuple[str, ...]], Iterable[tuple[Any, ...]]]
"""Reads the given columns of every row of a reference file, by the file's name."""


def missing_rates(rows: Rows) -> list[str]:
    """One sentence for each currency that something is priced in and that fx_rates.csv does not convert.

    Prices of language models are in USD, so an agency of another currency always needs that rate. Without it, costs of
    AI and margins are unknown.

    Args:
        rows: reads the files, as they lie in the folder or as they landed.

    Returns:
        What to write, in the order in which the currencies are met; nothing while agency.csv has no row.
    """
    own = next((currency for (currency,) in rows("agency", ("currency",)) if currency), None)
    if own is None:
        return []
    priced_in = {"USD": "the prices of language models"}
    for file in FILES:
        for column in (each.name for each in file.fields if each.form == "currency" and file.name != "agency"):
            for (currency,) in rows(file.name, (column,)):
                if currency:
                    priced_in.setdefault(currency, f"amounts in {file.name}.csv")
    known = {source for source, target in rows("fx_rates", ("from_currency", "to_currency")) if target == own}
    return [
        f"fx_rates.csv has no rate from {currency} to {own}, so {what} are missing in costs and margins; write a row "
        f"date,{currency},{own},rate with the first day that needs it and the {own} for 1 {currency}"
        for currency, what in priced_in.items()
        if currency != own and currency not in known
    ]
