"""Nodes of dbt's manifest: what is built from what, and how a build is reported. dbt is not imported here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from assets.keys import published_schema

# Metadata of a model that was built.
ROW_COUNT: Final = "dagster/row_count"
ROWS_WRITTEN: Final = "rows_written"
FIRST_ROWS: Final = "first_rows"
# Metadata of a build: how many models and tests it took in, and how many models were found up to date.
BUILT: Final = "built"
UP_TO_DATE: Final = "up_to_date"
SLOWEST: Final = "slowest"
# Metadata of a failed build: one sentence for each node.
FAILURES: Final = "failures"
# Tag of a run whose assets a person selected, by whatever selection: what is up to date is built again.
SELECTED_TAG: Final = ".dagster/selected"
# Tag of a run that new data started: of what it names, and of everything else, what is stale is built.
AUTOMATIC_TAG: Final = ".dagster/automatic"
BUILT_NODES: Final = dg.AssetKey(["registry", "built_nodes"])


def built_nodes() -> dg.AssetSpec:
    """The record of what was built from what: it is written by every build, and says whether there was one lately."""
    return dg.AssetSpec(
        BUILT_NODES,
        group_name="changes",
        kinds={"postgres"},
        description=(
            "What each model and test was last built from. An event of this table is a whole build without a failure: "
            "whatever it did not build was found up to date."
        ),
    )


def verification(built: int, up_to_date: int) -> dg.AssetMaterialization:
    """One event for all that a whole build found up to date.

    Args:
        built: models and tests that the build took in.
        up_to_date: models that were not built again, because nothing that they are built from has changed.
    """
    return dg.AssetMaterialization(BUILT_NODES, metadata={BUILT: built, UP_TO_DATE: up_to_date})


def timing(seconds: Mapping[str, float], most: int) -> dg.AssetObservation:
    """What a build spent its time on, as a table on the page of its run.

    Args:
        seconds: of each model and test, by name.
        most: how many are listed.
    """
    slowest = sorted(seconds, key=lambda name: -seconds[name])[:most]
    records = [dg.TableRecord({"node": name, "seconds": round(seconds[name], 2)}) for name in slowest]
    metadata: dict[str, Any] = {
        SLOWEST: dg.MetadataValue.table(records),
        "seconds": round(sum(seconds.values()), 1),
        BUILT: len(seconds),
    }
    return dg.AssetObservation(BUILT_NODES, metadata=metadata)


@dataclass(frozen=True)
class Reference:
    """A column whose values are those of a column of another table that people read, as test `foreign_keys` holds."""

    column: str
    schema: str
    table: str
    key: str
    is_key: bool
    """Whether that holds for every row, at all times."""


def references(manifest: Mapping[str, Any], schemas: Iterable[str]) -> dict[str, tuple[Reference, ...]]:
    """The references of each model to what is read in these schemas, by dbt id.

    Args:
        manifest: dbt's `manifest.json`.
        schemas: such as marts.
    """
    read = set(schemas)
    models = {
        node["name"]: schema
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and (schema := published_schema(node)) in read
    }
    found: dict[str, tuple[Reference, ...]] = {}
    for test in _generic_tests(manifest, "foreign_keys"):
        arguments = test["test_metadata"]["kwargs"]
        for column, target in arguments["columns"].items():
            table, _, key = target.partition(".")
            if table in models:
                is_key = not test["config"].get("where") and column not in arguments.get("warn", ())
                one = Reference(column, models[table], table, key or "id", is_key)
                found[test["attached_node"]] = (*found.get(test["attached_node"], ()), one)
    return found


def keys(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The columns of each model's key, by dbt id: that of its test, or of its first unique index without nulls.

    Args:
        manifest: dbt's `manifest.json`.
    """
    found = {
        test["attached_node"]: tuple(test["test_metadata"]["kwargs"]["columns"])
        for test in _generic_tests(manifest, "unique_key")
    }
    for unique_id, node in manifest["nodes"].items():
        required = {
            name
            for name, column in node.get("columns", {}).items()
            if "not_null" in {one["type"] for one in column.get("constraints") or ()}
        }
        for index in node["config"].get("indexes") or ():
            if index.get("unique") and required.issuperset(index["columns"]):
                found.setdefault(unique_id, tuple(index["columns"]))
    return found


def _generic_tests(manifest: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    for node in manifest["nodes"].values():
        if (node.get("test_metadata") or {}).get("name") == kind and node.get("attached_node"):
            yield node


def with_attached_tests(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with every test attached to one asset, so that all of them become asset checks.

    dbt attaches a test over several models to none; here it is attached to the most derived of them (one that no other
    of them is built from), the first by name if there are several.
    """
    nodes = dict(manifest["nodes"])
    for unique_id, node in nodes.items():
        if node["resource_type"] != "test" or node.get("attached_node"):
            continue
        models = [one for one in node["depends_on"]["nodes"] if one in manifest["nodes"]]
        if len(node["depends_on"]["nodes"]) > 1 and models:
            inner = {parent for one in models for parent in ancestors(manifest, one)}
            chosen = manifest["nodes"][min([one for one in models if one not in inner] or models)]
            meta = node["config"].get("meta", {})
            ref = {"name": chosen["name"], "package": chosen["package_name"], "version": chosen.get("version")}
            dagster = {"ref": ref, **meta.get("dagster", {})}
            nodes[unique_id] = {**node, "config": {**node["config"], "meta": {**meta, "dagster": dagster}}}
    return {**manifest, "nodes": nodes}


def with_ancestors(manifest: Mapping[str, Any], nodes: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Yield nodes of dbt's manifest and everything that they are built from, each after its parents.

    Args:
        manifest: dbt's `manifest.json`.
        nodes: dbt ids.
        seen: nodes yielded before, left out with their ancestors; updated.
    """
    for one in nodes:
        if one not in seen:
            seen.add(one)
            yield from with_ancestors(manifest, manifest["parent_map"].get(one, []), seen)
            yield one


def ancestors(manifest: Mapping[str, Any], unique_id: str) -> set[str]:
    """Everything that a node of dbt's manifest is built from, directly or indirectly."""
    return set(with_ancestors(manifest, manifest["parent_map"].get(unique_id, []), set()))
