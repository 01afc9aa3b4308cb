"""dbt's nodes as assets: groups by folder, and every test attached to one asset."""

from typing import Any

import pytest

from assets.keys import node_group
from assets.nodes import with_ancestors, with_attached_tests


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
