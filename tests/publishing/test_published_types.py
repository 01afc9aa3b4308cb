"""Every type of a mart is the same value in ClickHouse, at its edges too; what cannot be is refused or found."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import yaml

from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from publishing.catalogue import Description
from publishing.columns import Column
from publishing.errors import PublishingError
from tests.publishing.worlds import World, opened, outcomes


@pytest.fixture(scope="module")
def world(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(warehouse, tmp_path_factory.mktemp("home")) as one:
        yield one


# Type in Postgres, values in SQL of Postgres, the same in Python as ClickHouse gives them.
VALUES: list[tuple[str, list[str], list[Any]]] = [
    (
        "text",
        ["''", "'O''Reilly \\ back`tick'", "e'two\\nlines\\ttab'", "'日本 🙂'", "repeat('x', 100000)", "null"],
        ["", "O'Reilly \\ back`tick", "two\nlines\ttab", "日本 🙂", "x" * 100000, None],
    ),
    ("character(3)", ["'EUR'", "null"], ["EUR", None]),
    ("smallint", ["-32768", "32767", "null"], [-32768, 32767, None]),
    ("integer", ["-2147483648", "2147483647"], [-(2**31), 2**31 - 1]),
    ("bigint", ["-9223372036854775808", "9223372036854775807", "0", "null"], [-(2**63), 2**63 - 1, 0, None]),
    ("boolean", ["true", "false", "null"], [True, False, None]),
    (
        "date",
        ["'1900-01-01'", "'1969-12-31'", "'2026-02-28'", "'2299-12-31'", "null"],
        [date(1900, 1, 1), date(1969, 12, 31), date(2026, 2, 28), date(2299, 12, 31), None],
    ),
    (
        # One microsecond, another offset, the hour that a change of clocks repeats.
        "timestamp with time zone",
        [
            "'2026-01-01 00:00:00.000001+00'",
            "'2026-07-01 12:00+02'",
            "'2026-10-25 00:30Z'",
            "'1969-12-31 23:59:59.5Z'",
            "null",
        ],
        [
            datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
            datetime(2026, 7, 1, 10, tzinfo=UTC),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC),
            None,
        ],
    ),
    (
        "numeric(14,2)",
        ["0.01", "-0.01", "999999999999.99", "-999999999999.99", "100", "null"],
        [*map(Decimal, ("0.01", "-0.01", "999999999999.99", "-999999999999.99", "100.00")), None],
    ),
    ("numeric(20,10)", ["1234567890.0123456789", "0.0000000001"], [Decimal("1234567890.0123456789"), Decimal("1E-10")]),
    ("numeric(10,1)", ["0.1"], [Decimal("0.1")]),
    (
        # Without a scale: digits that a floating-point number would lose.
        "numeric",
        ["12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678", "1.10", "-7", "null"],
        [
            *map(
                Decimal,
                (
                    "12345678901234567890123456789012345678",
                    "0.12345678901234567890123456789012345678",
                    "1.1",
                    "-7",
                ),
            ),
            None,
        ],
    ),
    (
        # ClickHouse has no null array: it becomes an empty one.
        "text[]",
        ["'{}'", "array['a', 'b']", "array['a,b', '\"', '{}', '', 'ü\\']", "null"],
        [[], ["a", "b"], ["a,b", '"', "{}", "", "ü\\"], []],
    ),
    (
        "jsonb",
        ["'[]'", '\'{"b": 1.10, "a": "ü"}\'', "'12345678901234567890.123456789'", "null"],
        ["[]", '{"a": "ü", "b": 1.10}', "12345678901234567890.123456789", None],
    ),
    ("uuid", ["'7f3b0000-0000-4000-8000-00000000000F'", "null"], [UUID("7f3b0000-0000-4000-8000-00000000000f"), None]),
]


@pytest.mark.parametrize(("data_type", "given", "expected"), VALUES, ids=[one[0] for one in VALUES])
def test_a_value_is_the_same_in_both(world: World, data_type: str, given: list[str], expected: list[Any]) -> None:
    rows = ", ".join(f"({number}, {value})" for number, value in enumerate(given))
    world.told("drop table if exists marts.typed")
    world.told(f"create table marts.typed (place integer not null, value {data_type})")
    world.told(f"insert into marts.typed values {rows}")

    result = world.publish({("marts", "typed"): Description()})

    assert outcomes(result) == {"typed": "moved"}
    assert [value for (value,) in world.asked("select value from marts.typed order by place")] == expected


def test_every_type_of_the_projects_marts_and_reports_has_a_form() -> None:
    declared = set()
    for file in (PROJECT_FOLDER / "dbt_project" / "models").rglob("*.yml"):
        for model in yaml.load(file.read_text(), yaml.CSafeLoader).get("models", []):
            declared |= {column["data_type"] for column in model.get("columns", []) if "data_type" in column}

    assert len(declared) > 15
    for data_type in declared:
        assert Column("value", data_type).form


@pytest.mark.parametrize("data_type", ["double precision", "interval", "timestamp without time zone", "int4range"])
def test_a_type_that_would_lose_something_is_refused_by_name(world: World, data_type: str) -> None:
    world.told("drop table if exists marts.odd")
    world.told(f"create table marts.odd (value {data_type})")

    with pytest.raises(PublishingError, match=rf"marts\.odd cannot be published\. Column value has type {data_type}"):
        world.publish({("marts", "odd"): Description()})


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("numeric", "1e-39"),
        ("numeric", "1e40"),
        ("date", "'infinity'"),
        ("timestamp with time zone", "'infinity'"),
        ("text[]", "array['a', null]"),
    ],
)
def test_a_value_that_would_change_is_not_published(world: World, data_type: str, value: str) -> None:
    world.told("drop table if exists marts.odd")
    world.told(f"create table marts.odd (value {data_type})")
    world.told(f"insert into marts.odd values ({value})")

    try:
        result = world.publish({("marts", "odd"): Description()})
    except PublishingError as error:
        assert re.search("ClickHouse refuses|cannot be read", str(error))  # noqa: PT017 - one of several refusals
    else:
        assert [one.relation.place for one in result.differences] == ["marts.odd"]
        assert result.published == []
    assert world.asked("select count() from system.tables where name like 'odd%'") == [(0,)]
