"""dbt's nodes as assets: groups by folder, and every test attached to one asset."""

from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from assets.keys import node_group
from assets.nodes import (
    BUILT,
    FIRST_ROWS,
    ROW_COUNT,
    ROWS_WRITTEN,
    SLOWEST,
    timing,
    with_ancestors,
    with_attached_tests,
)
from assets.progress import Glimpse
from assets.warehouse import _with_rows


def _node(kind: str, *path: str) -> dict[str, Any]:
    return {"resource_type": kind, "name": path[-1], "fqn": ["workledger", *path], "source_name": path[0]}


@pytest.mark.parametrize(
    ("node", "group"),
    [
        (_node("source", "clockify", "users"), "clockify"),
        (_node("model", "staging", "clockify", "stg_clockify__users"), "clockify"),
        (_node("model", "staging", "int_staging__loads"), "staging"),
        (_node("snapshot", "reference", "reference_versions", "reference_versions"), "reference"),
        (_node("model", "identity", "identifiers"), "identity"),
        (_node("model", "identity", "int_identity__developers"), "identity"),
        (_node("model", "billing", "contract_periods"), "billing"),
        (_node("model", "reports", "unresolved"), "reports"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_the_group_of_a_node_is_its_source_or_its_folder(node: dict[str, Any], group: str) -> None:
    assert node_group(node) == group


def _manifest() -> dict[str, Any]:
    def model(name: str) -> dict[str, Any]:
        return {"resource_type": "model", "name": name, "package_name": "workledger", "depends_on": {"nodes": []}}

    def test(name: str, *nodes: str) -> dict[str, Any]:
        return {
            "resource_type": "test",
            "name": name,
            "attached_node": None,
            "config": {"meta": {}},
            "depends_on": {"nodes": list(nodes)},
        }

    return {
        "nodes": {
            "model.raw_view": model("raw_view"),
            "model.mart": model("mart"),
            "model.aside": model("aside"),
            "test.whole": test("whole", "model.raw_view", "model.mart"),
            "test.apart": test("apart", "model.mart", "model.aside"),
            "test.one": test("one", "model.mart"),
        },
        "parent_map": {
            "model.mart": ["model.step"],
            "model.step": ["model.raw_view"],
            "model.raw_view": [],
            "model.aside": [],
        },
    }


@pytest.mark.parametrize(("test", "model"), [("whole", "mart"), ("apart", "aside")])
def test_a_test_over_several_models_is_attached_to_the_most_derived_one(test: str, model: str) -> None:
    node = with_attached_tests(_manifest())["nodes"][f"test.{test}"]
    assert node["config"]["meta"]["dagster"]["ref"]["name"] == model


def test_a_test_over_one_model_needs_no_attachment() -> None:
    assert "dagster" not in with_attached_tests(_manifest())["nodes"]["test.one"]["config"]["meta"]


def test_a_model_is_yielded_once_and_after_all_that_it_is_built_from() -> None:
    seen: set[str] = set()
    assert list(with_ancestors(_manifest(), ["model.mart"], seen)) == ["model.raw_view", "model.step", "model.mart"]
    assert list(with_ancestors(_manifest(), ["model.aside", "model.step"], seen)) == ["model.aside"]


@pytest.mark.parametrize(
    ("kind", "schema", "status", "metadata"),
    [
        (
            "table",
            "marts",
            "INSERT 0 12",
            {ROW_COUNT: 12, FIRST_ROWS: [{"id": "a", "amount": "1.50", "note": "x" * 80 + "…"}]},
        ),
        ("incremental", "marts", "INSERT 0 3", {ROWS_WRITTEN: 3, ROW_COUNT: 99}),
        ("incremental", "private", "INSERT 0 3", {ROWS_WRITTEN: 3, ROW_COUNT: 99}),
        ("view", "reports", "CREATE VIEW", {}),
        ("table", "private", "SELECT 4", {ROW_COUNT: 4}),
    ],
)
def test_a_table_shows_its_rows_over_time_and_the_first_where_analysts_read(
    kind: str, schema: str, status: str, metadata: dict[str, Any]
) -> None:
    asked = []

    def glimpse(*question: Any) -> Glimpse:
        asked.append(question)
        rows = [{"id": "a", "amount": Decimal("1.50"), "note": "x" * 100}] if FIRST_ROWS in metadata else []
        return Glimpse(99 if question[2] else None, rows)

    node = {"schema": "building", "alias": "t", "name": "t", "config": {"materialized": kind, "schema": schema}}
    output = _with_rows(dg.Output(None), {"data": {"status": status}}, node, glimpse)
    found = {name: one.value for name, one in output.metadata.items()}
    if FIRST_ROWS in found:
        found[FIRST_ROWS] = _records(output.metadata[FIRST_ROWS])
    assert found == metadata
    # Five rows of what analysts read, none of what they do not.
    assert {question[3] for question in asked} <= {5 if schema in ("marts", "reports") else 0}


def test_the_slowest_of_a_build_come_first() -> None:
    observed = timing({"quick": 0.1, "slow": 2.004, "middling": 1}, most=2)
    assert _records(observed.metadata[SLOWEST]) == [
        {"node": "slow", "seconds": 2.0},
        {"node": "middling", "seconds": 1},
    ]
    assert observed.metadata[BUILT].value == 3


def _records(value: Any) -> list[Any]:
    assert isinstance(value, dg.TableMetadataValue)
    return [record.data for record in value.records]
