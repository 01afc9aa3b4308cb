"""Catalogue prices: effective-dated, tiered by prompt size, also for gateways' models (vendors 6.5)."""

import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

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


FIGURES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
SHIPPED = Path(__file__).resolve().parents[3] / "reference" / "model_prices.csv"
Shipped = dict[str, str]


def _list_price(rows: Sequence[Shipped], model: str, day: date, tokens: int) -> list[Decimal] | None:
    """What a model costs by the shipped rows and the catalogue: the larger size, then the shipped row (rule 5.19)."""
    at = datetime.combine(day, time(), UTC)
    listed = [
        (
            date.fromisoformat(row["valid_from"] or "1970-01-01"),
            int(row["above_prompt_tokens"] or 0),
            1,
            [Decimal(row[figure]) for figure in FIGURES],
        )
        for row in rows
        if row["model"] == model
    ]
    known = [
        (price.valid_from.date(), price.above_prompt_tokens, 0, [getattr(price, figure) for figure in FIGURES])
        for price in prices(model)
        if price.valid_from <= at
    ]
    found = []
    for rows_of_list in (listed, known):
        in_force = [row for row in rows_of_list if row[0] <= day and row[1] <= tokens]
        if in_force:
            found.append(max(in_force, key=lambda row: row[:2]))
    return max(found, key=lambda row: row[1:3])[3] if found else None


def test_each_shipped_price_is_one_that_the_catalogue_lacks() -> None:
    with SHIPPED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 3
    for number, row in enumerate(rows):
        day = date.fromisoformat(row["valid_from"] or "2026-11-01")
        tokens = int(row["above_prompt_tokens"] or 0) + 1
        with_it = _list_price(rows, row["model"], day, tokens)
        without = _list_price(rows[:number] + rows[number + 1 :], row["model"], day, tokens)
        assert with_it == [Decimal(row[figure]) for figure in FIGURES]
        assert without != with_it, f"model_prices.csv, row {number + 2}: the catalogue says the same of {row['model']}"


def test_suffixes_of_context_and_speed_are_no_models_of_their_own() -> None:
    plain = [price.input for price in prices("claude-opus-5-5")]
    for model in (
        "claude-opus-5-5-fast",
        "claude-opus-5-5[1m]",
        "claude-opus-5-5-fast[1m]",
        "our-relay/claude-opus-5-5",
    ):
        assert [price.input for price in prices(model)] == plain
    assert [price.model for price in prices("claude-opus-5-5-fast")] == ["claude-opus-5-5-fast"]
