"""A spool hands dlt the last row of every key, if it changed; reading ahead keeps order and failures in place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pytest

from orchestration.warehouse.connection import Warehouse
from sources.kit import destination
from sources.kit.arrow import to_arrow
from sources.kit.landed import declare
from sources.kit.quarantine import Quarantine
from sources.kit.run import PerRun
from sources.kit.table import Column, Table
from sources.kit.walk import Spool, ahead

THINGS = Table(
    name="things",
    description="Things of every type.",
    key=("place", "id"),
    columns=(
        Column("place", "text", "Place."),
        Column("id", "bigint", "Number."),
        Column("words", "text", "Words."),
        Column("amount", "numeric", "Amount."),
        Column("ratio", "double", "Ratio."),
        Column("is_new", "boolean", "Flag."),
        Column("at", "timestamp", "Moment."),
        Column("day", "date", "Day."),
        Column("list", "json", "List."),
    ),
)

Pages = list[list[dict[str, Any]]]


class Runs:
    """Runs a source of one table in this test's database."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse = warehouse
        self.folder = folder

    def run(self, pages: Pages) -> Any:
        @dlt.resource(**THINGS.dlt_hints())
        def things() -> Iterator[Any]:
            yield from declare(THINGS)
            spool, quarantine = Spool(THINGS), Quarantine("spooled")
            for page in pages:
                spool.add(to_arrow(THINGS, page, quarantine=quarantine))
            yield from spool.load()

        @dlt.source(name="tempo")
        def spooled() -> Any:
            return things

        pipeline = destination.pipeline("spooled", self.warehouse.dsn("loader"), "raw_tempo", self.folder)
        return pipeline.run(spooled())

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect("loader") as connection:
            return connection.execute(f"select {columns} from raw_tempo.things order by id").fetchall()


@pytest.fixture
def runs(fresh_database: Warehouse, tmp_path: Path) -> Runs:
    """A database and a folder of this test's own."""
    return Runs(fresh_database, tmp_path)


def thing(number: int, **values: Any) -> dict[str, Any]:
    return {"place": "here", "id": number, **values}


def test_the_last_row_of_a_key_counts_whichever_page_it_stands_on(runs: Runs) -> None:
    runs.run(
        [
            [thing(1, words="first"), thing(2, words="kept")],
            [thing(1, words="second"), thing(3)],
            [thing(1, words="third"), {**thing(1, words="elsewhere"), "place": "there"}],
        ]
    )
    assert sorted(runs.rows("id, place, words"), key=str) == [
        (1, "here", "third"),
        (1, "there", "elsewhere"),
        (2, "here", "kept"),
        (3, "here", None),
    ]


def test_what_landed_as_it_is_is_not_handed_on_again(runs: Runs) -> None:
    pages = [[thing(number, words=f"{number}") for number in range(1, 6)]]
    runs.run(pages)
    [*_, (_, before)] = runs.rows("id, loaded_at")
    assert runs.run(pages).loads_ids == []
    runs.run([[*pages[0], thing(3, words="changed")]])
    assert [number for number, loaded_at in runs.rows("id, loaded_at") if loaded_at > before] == [3]
    assert len(runs.rows("id")) == 5


def test_values_arrive_as_they_were(runs: Runs) -> None:
    words = 'quote " comma, tab\t line\n return\r backslash \\ \\N null NULL é 🦉 ; end'
    full = thing(
        1,
        words=words,
        amount="12345678901234567890.123456789012345678",
        ratio=0.1,
        is_new=False,
        at="2026-03-29T02:30:00.123456+0200",
        day="2026-02-28",
        list=[{"a": 'b"c'}, None, "\n"],
    )
    runs.run([[full, thing(2, words=""), thing(3)]])
    columns = "words, amount, ratio, is_new, at, day, list"
    assert runs.rows(columns) == [
        (
            words,
            Decimal("12345678901234567890.123456789012345678"),
            0.1,
            False,
            datetime(2026, 3, 29, 0, 30, 0, 123456, tzinfo=UTC),
            date(2026, 2, 28),
            [{"a": 'b"c'}, None, "\n"],
        ),
        (None,) * 7,
        (None,) * 7,
    ]


def test_nothing_makes_the_table_and_no_row(runs: Runs) -> None:
    runs.run([])
    assert runs.rows("id") == []
    assert runs.run([[]]).loads_ids == []


def test_a_value_of_one_run_is_made_again_in_the_next(runs: Runs) -> None:
    made: list[int] = []
    seen = []

    def make() -> int:
        made.append(len(made))
        return len(made)

    per_run = PerRun(make)

    @dlt.source(name="tempo")
    def twice() -> Any:
        def resource(name: str) -> Any:
            @dlt.resource(name=name)
            def read() -> Iterator[Any]:
                seen.append(per_run())
                yield {"id": 1}

            return read

        return resource("one"), resource("other")

    for _ in range(2):
        pipeline = destination.pipeline("twice", runs.warehouse.dsn("loader"), "raw_tempo", runs.folder)
        pipeline.run(twice())
    assert seen == [1, 1, 2, 2]


def test_items_come_in_their_order_and_some_are_made_in_advance() -> None:
    made: list[int] = []
    enough = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                enough.set()
            yield number

    walk = ahead(numbers(), most=2)
    assert next(walk) == 0
    assert enough.wait(5)
    assert list(walk) == list(range(1, 10))
    assert made == list(range(10))


def test_a_failure_comes_after_what_was_made_before_it() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    seen: list[int] = []
    with pytest.raises(KeyError, match="three"):
        seen.extend(ahead(numbers()))
    assert seen == [1, 2]


def test_who_stops_early_stops_the_thread() -> None:
    def numbers() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    walk = ahead(numbers())
    assert next(walk) == 0
    walk.close()
    assert not any(thread.name == "workledger-ahead" for thread in threading.enumerate())
