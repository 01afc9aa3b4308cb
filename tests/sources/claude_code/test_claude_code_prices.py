"""Catalogue prices: effective-dated, tiered by prompt size, also for gateways' models (vendors 6.5)."""

from decimal import Decimal

import pytest

from sources.claude_code.prices import CatalogPrice, catalog_prices


def prices(model: str) -> list[CatalogPrice]:
    return list(catalog_prices([model]))


def test_a_model_has_all_five_prices() -> None:
    (price,) = prices("claude-opus-5-5")
    assert (price.input, price.output, price.cache_read) == (Decimal(4), Decimal(20), Decimal("0.2"))
    assert (price.cache_write_5m, price.cache_write_1h) == (Decimal(5), Decimal(8))
    assert (price.valid_from.year, price.above_prompt_tokens) == (1970, 0)


def test_a_large_prompt_has_a_price_of_its_own() -> None:
    small, large = prices("claude-haiku-5-5")
    assert (small.above_prompt_tokens, small.input) == (0, Decimal("0.1"))
    assert (large.above_prompt_tokens, large.input, large.output) == (100_000, Decimal("0.5"), Decimal("2.5"))


def test_a_price_that_changed_has_a_row_for_each_start() -> None:
    found = [(price.valid_from.date().isoformat(), price.above_prompt_tokens) for price in prices("claude-opus-4-6")]
    assert found == [("1970-01-01", 0), ("1970-01-01", 200_000), ("2026-03-13", 0)]


@pytest.mark.parametrize(
    "model",
    [
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5-20250929[1m]",
        "anthropic/claude-sonnet-4.5",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4@20250514",
    ],
)
def test_a_model_is_found_by_ids_of_other_forms(model: str) -> None:
    assert prices(model)
    assert {price.model for price in prices(model)} == {model}


def test_writing_for_one_hour_costs_twice_the_input_where_not_listed() -> None:
    price = prices("anthropic/claude-sonnet-4.5")[0]
    assert price.cache_write_1h == 2 * price.input


@pytest.mark.parametrize("model", ["<synthetic>", "no-such-model", "vendor/no-such-model:free", ""])
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert prices(model) == []
