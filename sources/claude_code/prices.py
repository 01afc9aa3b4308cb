"""Catalogue prices of the models seen, as the package genai-prices knows them. What an answer costs is SQL's to say.

A price has a start (rule 5.18: by time of the answer) and may rise with the prompt's size. The package's own
rules hold where it has no figure: what is read from or written to a cache costs what input costs, and writing for one
hour costs twice the input where writing for five minutes has a price of its own (vendors 6.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, StartDateConstraint, TieredPrices

_BEGINNING = date(1970, 1, 1)
_SUFFIXES = re.compile(r"(-fast)?(\[[^\]]*\])?$", re.IGNORECASE)
# Ids of gateways (vendor/model, regional.vendor.model) match no provider by themselves.
_PROVIDERS = (None, "openrouter", "aws")

Price = Decimal | TieredPrices | None


@dataclass(frozen=True)
class CatalogPrice:
    """US dollars per million tokens of one model, from a moment on and above a number of prompt tokens."""

    model: str
    valid_from: datetime
    above_prompt_tokens: int
    input: Decimal
    output: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    cache_read: Decimal


def catalog_prices(models: Iterable[str]) -> Iterator[CatalogPrice]:
    """Prices of the models that the package knows; an unknown model, or one without both main prices, has none."""
    snapshot = get_snapshot()
    for model in models:
        info = _find(snapshot, model)
        if info is not None:
            yield from _prices(model, info)


def _find(snapshot: DataSnapshot, model: str) -> ModelInfo | None:
    # The size of the context and fast mode are no models of their own; a relay may put a path in front.
    plain = _SUFFIXES.sub("", model)
    names = [model, plain, plain.rsplit("/", 1)[-1]] if "claude" in model.lower() else [model]
    for name in dict.fromkeys(names):
        for provider in _PROVIDERS:
            try:
                return snapshot.find_provider_model(name, None, provider, None)[1]
            except LookupError:
                continue
    return None


def _prices(model: str, info: ModelInfo) -> Iterator[CatalogPrice]:
    starts = {_BEGINNING}
    if isinstance(info.prices, list):
        constraints = [conditional.constraint for conditional in info.prices]
        starts |= {found.start_date for found in constraints if isinstance(found, StartDateConstraint)}
    for start in sorted(starts):
        moment = datetime.combine(start, time(), UTC)
        prices = info.get_prices(moment)
        values: list[Price] = [
            prices.input_mtok,
            prices.output_mtok,
            prices.cache_write_mtok,
            prices.cache_write_1h_mtok,
            prices.cache_read_mtok,
        ]
        sizes = {0} | {tier.start for value in values if isinstance(value, TieredPrices) for tier in value.tiers}
        for size in sorted(sizes):
            input_price, output, write, write_1h, read = (_above(value, size) for value in values)
            if input_price is None or output is None:
                continue
            if write_1h is None and write is not None:
                write_1h = 2 * input_price
            yield CatalogPrice(
                model,
                moment,
                size,
                input_price,
                output,
                input_price if write is None else write,
                input_price if write_1h is None else write_1h,
                input_price if read is None else read,
            )


def _above(price: Price, tokens: int) -> Decimal | None:
    """The price of a prompt of more tokens than these: one tier holds for all of an answer's tokens."""
    if not isinstance(price, TieredPrices):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= tokens), price.base)
