"""Nodes of dbt's manifest: what is built from what, and how a build is reported. dbt is not imported here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import dagster as dg

# Metadata of a model that was built.
ROW_COUNT: Final = "dagster/row_count"
ROWS_WRITTEN: Final = "rows_written"
# Metadata of a build: how many models and tests it took in, and how many models were found up to date.
BUILT: Final = "built"
UP_TO_DATE: Final = "up_to_date"
# Metadata of a failed build: one sentence for each node.
FAILURES: Final = "failures"
# Tag of a run whose assets a person selected, by whatever selection: what is up to date is built again.
SELECTED_TAG: Final = "workledger/selected"
# Tag of a run that new data started: of what it names, and of everything else, what is stale is built.
AUTOMATIC_TAG: Final = "workledger/automatic"
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
