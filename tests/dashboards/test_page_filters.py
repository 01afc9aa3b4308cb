"""The spans of dates that pages bind."""

from datetime import date

import pytest

from dashboards.filters import Filters


@pytest.mark.parametrize(
    ("start", "end", "today", "months"),
    [
        # A range within a month: the whole month, up to as_of.
        ("2026-11-16", "2026-11-22", "2026-11-28", ("2026-11-01", "2026-11-28", "2026-11-22")),
        ("2026-10-05", "2026-10-11", "2026-11-28", ("2026-10-01", "2026-10-31", "2026-10-11")),
        # A range that ends after as_of.
        ("2026-01-01", "2026-12-31", "2026-11-28", ("2026-01-01", "2026-11-28", "2026-11-28")),
        # Leap days and the turn of a year.
        ("2024-02-29", "2024-02-29", "2024-03-31", ("2024-02-01", "2024-02-29", "2024-02-29")),
        ("2025-12-29", "2026-01-04", "2026-03-01", ("2025-12-01", "2026-01-31", "2026-01-04")),
    ],
)
def test_months_are_whole_and_end_with_as_of(start: str, end: str, today: str, months: tuple[str, str, str]) -> None:
    first, last, as_of = map(date.fromisoformat, (start, end, today))
    spans = Filters("any", first, last, as_of).parameters()

    assert tuple(str(spans[name]) for name in ("months_from", "months_to", "last_day")) == months


@pytest.mark.parametrize(
    ("today", "months"),
    [
        ("2026-11-28", ("2025-11-01", "2026-10-01", "2026-11-01")),
        ("2024-02-29", ("2023-02-01", "2024-01-01", "2024-02-01")),
        ("2026-01-01", ("2025-01-01", "2025-12-01", "2026-01-01")),
    ],
)
def test_figures_are_of_thirteen_months(today: str, months: tuple[str, str, str]) -> None:
    day = date.fromisoformat(today)
    spans = Filters("any", day, day, day).parameters()

    assert tuple(str(spans[name]) for name in ("figures_from", "last_month", "this_month")) == months
