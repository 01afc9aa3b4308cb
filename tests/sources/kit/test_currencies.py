"""Decimals of currencies are those of ISO 4217, and of CLDR for what ISO no longer lists."""

import pytest

from sources.kit.currencies import all_decimals, decimals_of


@pytest.mark.parametrize(
    ("code", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("RSD", 2), ("BGN", 2), ("XAU", None), ("USDT", None)]
)
def test_a_currency_has_its_own_decimals(code: str, decimals: int | None) -> None:
    assert decimals_of(code) == decimals
    assert all_decimals().get(code) == decimals


def test_every_currency_that_has_decimals_is_listed_once() -> None:
    assert len(all_decimals()) > 150
    assert {0, 2, 3} <= set(all_decimals().values())
