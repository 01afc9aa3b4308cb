"""dbt's manifest as assets and asset checks; dbt itself is run in `orchestration.warehouse.dbt`."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from assets.keys import node_group, node_key
from assets.progress import Listener

BUILD_NAME: Final = "build_warehouse"
DBT_POOL: Final = "dbt"
ROW_COUNT: Final = "dagster/row_count"
ROWS_WRITTEN: Final = "rows_written"
# Marks a model that was not rebuilt because nothing that it is built from has changed.
UP_TO_DATE: Final = "up_to_date"
# Metadata of a failed build: one sentence for each node.
FAILURES: Final = "failures"

# Postgres's status of a statement that built a table: `SELECT 12`, `INSERT 0 12`, `MERGE 12`.
_ROWS_AFFECTED: Final = re.compile(r"^[A-Z ]+?(?: 0)? (\d+)$")


class Build(Protocol):
    """One invocation of `dbt build`."""

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield dbt's log events of nodes as they happen."""

    def failures(self) -> Sequence[str]:
        """Return one sentence for every node that failed, once all events were read."""

    def up_to_date(self) -> Sequence[str]:
        """Return the dbt ids of models that are up to date and not rebuilt; known from the first event on."""


class Transformer(Protocol):
    """What orchestration provides to the build of the warehouse."""

    @property
    def listener(self) -> Listener:
        """Receives progress."""

    def build(self, arguments: Sequence[str]) -> Build:
        """Prepare `dbt build` with further arguments, such as a selection; it starts when its events are read."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other process from building the warehouse at the same time."""


class WarehouseTranslator(DagsterDbtTranslator):
    """dbt's nodes in the asset graph: keys by schema and name, groups by folder, descriptions without the SQL."""

    def __init__(self) -> None:
        """Also turn tests of dbt's sources into checks of the raw assets."""
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True, enable_source_metadata=False))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key by schema and name."""
        return node_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Group by folder."""
        return node_group(dbt_resource_props)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description from the model's yml; the SQL is in the repository."""
        return str(dbt_resource_props.get("description") or "")


def warehouse_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All models and snapshots as assets of one step, because a dbt invocation costs more than most models.

    Args:
        manifest: dbt's `manifest.json`.
    """
    manifest = with_attached_tests(manifest)
    translator = WarehouseTranslator()

    @dbt_assets(manifest=manifest, name=BUILD_NAME, dagster_dbt_translator=translator, pool=DBT_POOL)
    def build_warehouse(context: dg.AssetExecutionContext, transformer: dg.ResourceParam[Transformer]) -> Iterator[Any]:
        selection, indirect = get_subset_selection_for_context(
            context=context,
            manifest=manifest,
            select=None,
            exclude=None,
            selector=None,
            dagster_dbt_translator=translator,
            current_dbt_indirect_selection_env=None,
        )
        build = transformer.build([*selection, *(["--indirect-selection", indirect] if indirect else [])])
        reported: set[str] = set()

        def up_to_date(nodes: Iterable[str]) -> Iterator[dg.MaterializeResult[Any]]:
            """Report up-to-date nodes and ancestors as verified now, which is what freshness means."""
            unchanged = set(build.up_to_date())
            for unique_id in with_ancestors(manifest, nodes, reported):
                if unique_id in unchanged:
                    key = translator.get_asset_key(manifest["nodes"][unique_id])
                    yield dg.MaterializeResult(asset_key=key, metadata={UP_TO_DATE: True})

        listener = transformer.listener
        listener.begins("Warehouse")
        done = 0
        with transformer.alone():
            for done, event in enumerate(build.events(), start=1):
                data = event["data"]
                # Tests have another name for the same number.
                listener.built(data["node_info"]["node_name"], done, int(data.get("total") or data["num_models"]))
                # Dagster expects an asset after the assets that it is built from.
                yield from up_to_date(manifest["parent_map"][data["node_info"]["unique_id"]])
                message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
                for result in message.to_default_asset_events(manifest, translator, context):
                    if isinstance(result, dg.Output):
                        yield _with_row_count(result, event)
                    elif isinstance(result, dg.AssetCheckResult):
                        yield result._replace(description=data.get("broken_by"))
                    else:
                        yield result
        listener.finished(done, len(build.failures()), len(build.up_to_date()))
        if failures := build.failures():
            raise dg.Failure(
                description=f"{len(failures)} models or tests failed.",
                metadata={FAILURES: dg.MetadataValue.json(list(failures))},
                allow_retries=False,
            )
        # Not after a failure: an up-to-date view may read a model that failed.
        yield from up_to_date(build.up_to_date())

    return build_warehouse


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


def _with_row_count(output: dg.Output[Any], event: Mapping[str, Any]) -> dg.Output[Any]:
    """Rows that a build wrote: all rows of a table, only the new ones of an incremental model."""
    match = _ROWS_AFFECTED.match(str(event["data"].get("status", "")))
    if match is None:
        return output
    name = ROW_COUNT if event["data"]["node_info"]["materialized"] == "table" else ROWS_WRITTEN
    return output.with_metadata({**output.metadata, name: int(match.group(1))})
