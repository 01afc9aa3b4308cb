"""Records → Arrow: exact types, quarantine, stable hashes, and what an unchanged load writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pytest

from orchestration.warehouse.connection import Warehouse
from sources.kit import destination
from sources.kit.arrow import PerRecord, arrow_schema, to_arrow
from sources.kit.errors import SourceError
from sources.kit.quarantine import Quarantine, quarantined_records
from sources.kit.table import QUARANTINE, Column, Table

TABLE = Table(
    "things",
    "Things.",
    ("id",),
    (
        Column("id", "text", "Id."),
        Column("count", "bigint", "Count."),
        Column("is_open", "boolean", "Open."),
        Column("opened_at", "timestamp", "Opened.", path="times.opened"),
        Column("day", "date", "Day."),
        Column("price", "numeric", "Price."),
        Column("share", "double", "Share."),
        Column("labels", "json", "Labels."),
        Column("needed", "text", "Needed.", required=True),
        Column("is_deleted", "boolean", "Deleted."),
    ),
)
ALIVE = {"is_deleted": False}


@pytest.fixture
def quarantine() -> Quarantine:
    return Quarantine("probe", datetime(2026, 1, 1, tzinfo=UTC))


def thing(**values: Any) -> dict[str, Any]:
    return {"id": "a", "needed": "x", **values}


def one(quarantine: Quarantine, **values: Any) -> dict[str, Any]:
    """The row of one record, converted as it is in a batch with a record that does not fit."""
    fast = to_arrow(TABLE, [thing(**values)], quarantine=Quarantine("probe", quarantine.found_at), extra=ALIVE)
    careful = to_arrow(TABLE, [thing(**values), thing(id="bad", count="x")], quarantine=quarantine, extra=ALIVE)
    assert fast.equals(careful)
    (row,) = careful.to_pylist()
    return dict(row)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00.000Z",
        "2026-03-01T11:00:00+0100",
        "2026-03-01T11:00:00.000000+01:00",
        "2026-03-01 10:00:00+00:00",
    ],
)
def test_timestamps_in_every_spelling_are_one_moment(quarantine: Quarantine, text: str) -> None:
    assert one(quarantine, times={"opened": text})["opened_at"] == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12.1, "12.1"),
        ("12.10", "12.1"),
        (Decimal("0.000000000000000001"), "0.000000000000000001"),
        (-3, "-3"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_numbers_are_exact(quarantine: Quarantine, value: Any, expected: str) -> None:
    assert one(quarantine, price=value)["price"] == Decimal(expected)


def test_empty_text_and_null_are_the_same(quarantine: Quarantine) -> None:
    row = one(quarantine, count=None, is_open=None, times={"opened": ""}, day="", price="", labels=None)
    assert {row[name] for name in ("count", "is_open", "opened_at", "day", "price", "labels")} == {None}
    assert one(quarantine, times=None)["opened_at"] is None


def test_what_postgres_refuses_is_taken_out(quarantine: Quarantine) -> None:
    row = one(quarantine, needed="nul\x00 and \ud800 surrogate", labels=["\x00a", {"k\x00": "\udfff"}], note="\\u0000")
    assert row["needed"] == "nul and ? surrogate"
    assert json.loads(row["labels"]) == ["a", {"k": "?"}]
    assert json.loads(row["record"])["note"] == "\\u0000"


def test_the_record_keeps_the_decimals_of_the_answer(quarantine: Quarantine) -> None:
    record = thing(price=Decimal("1234567890.12345678901"), big=2**70)
    (row,) = to_arrow(TABLE, [record], quarantine=quarantine, extra=ALIVE).to_pylist()
    kept = json.loads(row["record"], parse_float=Decimal)
    assert kept["big"] == 2**70
    assert kept["price"] in (Decimal("1234567890.12345678901"), "1234567890.12345678901")
    (row,) = to_arrow(TABLE, [thing(price=Decimal("10.10"))], quarantine=quarantine, extra=ALIVE).to_pylist()
    assert '"price":10.10' in row["record"]


MISFITS = {
    "count is no bigint: 1.5": {"count": 1.5},
    "count is no bigint: true": {"count": True},
    "count is no bigint: 9223372036854775808": {"count": 2**63},
    'is_open is no boolean: "yes"': {"is_open": "yes"},
    'times.opened is no timestamp: "2026-13-01T00:00:00Z"': {"times": {"opened": "2026-13-01T00:00:00Z"}},
    'times.opened is no timestamp: "2026-03-01T10:00:00"': {"times": {"opened": "2026-03-01T10:00:00"}},
    'times.opened is no timestamp: {"id":"a","needed":"x","times":"soon"}': {"times": "soon"},
    'day is no date: "2026-02-30"': {"day": "2026-02-30"},
    'price is no numeric: "NaN"': {"price": "NaN"},
    'price is no numeric: "1e-19"': {"price": "1e-19"},
    'needed is no text: {"a":1}': {"needed": {"a": 1}},
    "needed is missing": {"needed": ""},
    "id is missing": {"id": None},
}


@pytest.mark.parametrize(("reason", "values"), MISFITS.items(), ids=MISFITS.keys())
def test_a_record_that_does_not_fit_is_set_aside_and_the_rest_lands(
    quarantine: Quarantine, reason: str, values: dict[str, Any]
) -> None:
    batch = to_arrow(TABLE, [thing(id="b"), thing(**values), thing(id="c")], quarantine=quarantine, extra=ALIVE)
    assert batch.column("id").to_pylist() == ["b", "c"]
    _, marked = list(quarantine.flush())
    (row,) = marked.data.to_pylist()
    assert row["reason"] == reason
    assert row["table_name"] == "things"
    assert row["native_id"] == ("" if reason.startswith("id") else "a")
    assert json.loads(row["rejected_record"]) == thing(**values)


def test_what_is_no_object_is_set_aside_with_its_added_values(quarantine: Quarantine) -> None:
    flags = PerRecord([True, False, True])
    records: list[Any] = [thing(), ["no", "object"], thing(id="c")]
    batch = to_arrow(TABLE, records, quarantine=quarantine, extra={"is_deleted": flags})
    assert batch.select(["id", "is_deleted"]).to_pylist() == [
        {"id": "a", "is_deleted": True},
        {"id": "c", "is_deleted": True},
    ]


def test_of_records_with_one_key_the_last_counts(quarantine: Quarantine) -> None:
    batch = to_arrow(TABLE, [thing(count=1), thing(id="b"), thing(count=2)], quarantine=quarantine, extra=ALIVE)
    assert batch.select(["id", "count"]).to_pylist() == [{"id": "b", "count": None}, {"id": "a", "count": 2}]


@pytest.mark.parametrize("pages", [[[0, 1, 2, 3]], [[0], [1, 2], [3]]], ids=["in one page", "on several pages"])
def test_of_two_objects_with_one_key_the_second_is_set_aside_and_says_whose_key_it_has(
    quarantine: Quarantine, pages: list[list[int]]
) -> None:
    table = replace(TABLE, identity=("needed",))
    # The third is a newer state of the first: the list was read while it changed.
    met = [thing(needed="x", count=1), thing(needed="y"), thing(needed="x", count=2), thing(id="b", needed="y")]
    batches = [
        to_arrow(table, [met[place] for place in page], quarantine=quarantine, extra=ALIVE).to_pylist()
        for page in pages
    ]
    rows = [(row["id"], row["needed"], row["count"]) for batch in batches for row in batch]
    assert rows[-2:] == [("a", "x", 2), ("b", "y", None)]
    assert {row[:2] for row in rows} == {("a", "x"), ("b", "y")}
    assert quarantine.rejected == {"things": 1}
    _, marked = list(quarantine.flush())
    (rejected,) = marked.data.to_pylist()
    assert rejected["native_id"] == "a"
    assert rejected["reason"] == "id a is taken by the record with needed x; correct one of the two at the source"


def test_the_hash_follows_content_not_order_nor_time(quarantine: Quarantine) -> None:
    def hash_of(record: dict[str, Any], later: bool = False, **extra: Any) -> str:
        moment = datetime(2027, 1, 1, tzinfo=UTC) if later else quarantine.found_at
        batch = to_arrow(TABLE, [record], quarantine=Quarantine("probe", moment), extra={**ALIVE, **extra})
        return str(batch.column("row_hash")[0].as_py())

    first = hash_of({"id": "a", "needed": "x", "nested": {"b": 1, "a": 2}})
    assert first == hash_of({"nested": {"a": 2, "b": 1}, "needed": "x", "id": "a"}, later=True)
    assert first != hash_of({"id": "a", "needed": "x", "nested": {"b": 1, "a": 3}})
    assert first != hash_of({"id": "a", "needed": "x", "nested": {"b": 1, "a": 2}}, is_deleted=True)
    assert first != hash_of({"id": "a", "needed": "x", "nested": {"b": 1, "a": 2}}, is_deleted=PerRecord([True]))


def test_a_vendor_that_changed_its_shape_stops_the_load(quarantine: Quarantine) -> None:
    to_arrow(TABLE, [thing(id=str(i), count="many") for i in range(30)], quarantine=quarantine, extra=ALIVE)
    with pytest.raises(SourceError, match=r"probe: 30 of 30 records for things do not fit \(first: count is no bigint"):
        list(quarantine.flush())


def test_a_table_refuses_a_key_that_is_no_column() -> None:
    with pytest.raises(ValueError, match="key columns"):
        Table("t", "T.", ("id",), (Column("name", "text", "Name."),))


def _source(rows: list[dict[str, Any]], kept: list[dict[str, Any]] | None) -> Any:
    mirrored = Table("kept", "Kept.", ("id",), (Column("id", "text", "Id."),), keeps_record=False, mirrors=True)

    @dlt.source(name="probe", section="probe", max_table_nesting=0)
    def probe() -> Any:
        quarantine = Quarantine("probe")

        @dlt.resource(**TABLE.dlt_hints())
        def things() -> Iterator[Any]:
            yield to_arrow(TABLE, rows, quarantine=quarantine, extra=ALIVE)
            yield from quarantine.flush()

        @dlt.resource(**mirrored.dlt_hints())
        def kept_rows() -> Iterator[Any]:
            if kept is not None:
                yield to_arrow(mirrored, kept, quarantine=quarantine)

        return things, kept_rows, quarantined_records()

    return probe()


def test_loads_into_postgres(warehouse: Warehouse, tmp_path: Path) -> None:
    """Types, nulls, quarantine; an equal load writes no row, a mirrored table loses what is not handed over."""
    pipeline = destination.pipeline("probe", warehouse.dsn("loader"), "raw_probe", tmp_path)

    def query(sql: str) -> list[tuple[Any, ...]]:
        with warehouse.connect("loader") as connection:
            return connection.execute(sql).fetchall()

    rows = [
        thing(
            count=1,
            price=12.5,
            day="2026-02-03",
            labels=['q"uote', "new\nline", "é,"],
            times={"opened": "2026-01-01T00:00:00Z"},
        ),
        thing(id="b", needed='a "quoted", comma\nand line'),
        thing(id="bad", count="x"),
    ]
    pipeline.run(_source(rows, [{"id": "1"}, {"id": "2"}]))
    assert query("select id, count, price, day, opened_at, labels, needed from raw_probe.things order by id") == [
        (
            "a", 1, Decimal("12.5"), date(2026, 2, 3), datetime(2026, 1, 1, tzinfo=UTC),
            ['q"uote', "new\nline", "é,"], "x",
        ),
        ("b", None, None, None, None, None, 'a "quoted", comma\nand line'),
    ]  # fmt: skip
    assert query("select native_id, reason from raw_probe.quarantined_records") == [("bad", 'count is no bigint: "x"')]
    column = "table_schema = 'raw_probe' and table_name = 'things' and column_name = 'record'"
    assert query(f"select data_type from information_schema.columns where {column}") == [("jsonb",)]
    versions = "select id, xmin::text from raw_probe.things"
    quarantined = "select quarantine_id, xmin::text from raw_probe.quarantined_records"
    before = query(f"{versions} union all {quarantined}")
    pipeline.run(_source([dict(reversed(row.items())) for row in rows], [{"id": "2"}]))
    assert query(f"{versions} union all {quarantined}") == before
    assert query("select id from raw_probe.kept") == [("2",)]
    pipeline.run(_source([], []))
    assert query("select count(*) from raw_probe.things") == [(2,)]
    assert query("select count(*) from raw_probe.kept") == [(0,)]


def test_quarantine_has_the_columns_that_it_declares() -> None:
    assert arrow_schema(QUARANTINE).names[-2:] == ["row_hash", "loaded_at"]
