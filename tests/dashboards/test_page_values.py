"""How values are written."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dashboards.definitions import Format
from dashboards.reading import Result
from dashboards.rendering import csv_text
from dashboards.values import cell, change, figure, heading, json_in_script, prose


@pytest.mark.parametrize(
    ("value", "form", "written"),
    [
        (5400, "hours", "1.5"),
        (Decimal("0.4336"), "percent", "43.4 %"),
        (Decimal("-0.0351"), "percent", "−3.5 %"),
        (Decimal("9999.994"), "money", "9,999.99"),
        (Decimal("104992.18"), "money", "104,992"),
        (Decimal("-9356.03"), "money", "−9,356.03"),
        (Decimal("0.005"), "money", "0.01"),
        (9_999_999, "count", "9,999,999"),
        (520_138_949, "count", "520.1 M"),
        (Decimal("31.25"), "days", "31.3"),
        (None, "money", "–"),
    ],
)
def test_a_figure_is_rounded_half_away_from_zero(value: Any, form: Format, written: str) -> None:
    assert figure(value, form) == written


@pytest.mark.parametrize(
    ("value", "before", "form", "written"),
    [
        (110, 100, "hours", "+10.0 %"),
        (Decimal(50), Decimal(-100), "money", "+150.0 %"),
        (Decimal("0.40"), Decimal("0.45"), "percent", "−5.0 points"),
        (4, 1, "count", "+3"),
        (3, 3, "count", "±0"),
        (90_000_000, 100_000_000, "count", "−10.0 %"),
        (5, 0, "hours", None),
        (None, 5, "hours", None),
        (5, None, "hours", None),
    ],
)
def test_a_change_is_to_the_month_before(value: Any, before: Any, form: Format, written: str | None) -> None:
    assert change(value, before, form) == written


@pytest.mark.parametrize(
    ("column", "value", "written"),
    [
        ("used_hours", Decimal("18.266667"), "18.3"),
        ("margin_percent", Decimal("-405.0"), "−405.0"),
        ("line_total", Decimal("1234.5"), "1,234.50"),
        ("entries", 1234, "1,234"),
        ("is_same", True, "yes"),
        ("month", date(2026, 6, 1), "1\u00a0Jun\u00a02026"),
        ("started_at", datetime(2026, 6, 1, 4, 5, tzinfo=UTC), "1\u00a0Jun\u00a02026\u00a004:05"),
        ("client", None, "–"),
        ("client", "<b>", "<b>"),
    ],
)
def test_a_cell_is_written_by_its_type_and_the_name_of_its_column(column: str, value: Any, written: str) -> None:
    assert cell(column, value) == written


def test_headings_are_the_names_of_columns() -> None:
    assert [heading(name) for name in ("used_hours", "ai_cost_usd", "margin_percent")] == [
        "Used hours",
        "AI cost, USD",
        "Margin, %",
    ]


def test_json_ends_no_script_and_keeps_its_texts() -> None:
    texts = ["</script><script>alert(1)</script>", "<!--", "&lt;", "\u2028\u2029", 'a"b\\c']

    written = json_in_script({"rows": texts})

    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written)["rows"] == texts


def test_dates_are_midnight_where_the_reader_is() -> None:
    assert json.loads(json_in_script([date(2026, 6, 1), Decimal("1.50")])) == ["2026-06-01T00:00:00", 1.5]


def test_csv_starts_no_formula_and_keeps_every_digit() -> None:
    result = Result(
        ("client", "=amount", "is_paid"),
        [("=cmd|' /C calc'!A0", Decimal("-12345678901234.50"), True), ("@x", None, False), ("a,b", Decimal(1), None)],
        3,
    )

    assert csv_text(result).splitlines() == [
        "client,'=amount,is_paid",
        "'=cmd|' /C calc'!A0,-12345678901234.50,t",
        "'@x,,f",
        '"a,b",1,',
    ]


def test_code_in_a_sentence_is_marked_and_everything_is_escaped() -> None:
    assert str(prose("Run `a <b>` & wait.")) == "Run <code>a &lt;b&gt;</code> &amp; wait."
