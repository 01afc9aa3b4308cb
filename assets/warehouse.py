"""dbt's manifest as assets and asset checks; dbt itself is run in `orchestration.warehouse.dbt`."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from assets.keys import node_group, node_key
from assets.nodes import (
    AUTOMATIC_TAG,
    FAILURES,
    ROW_COUNT,
    ROWS_WRITTEN,
    SELECTED_TAG,
    verification,
    with_attached_tests,
)
from assets.progress import Listener

BUILD_NAME: Final = "build_warehouse"

# Postgres's status of a statement that built a table: `SELECT 12`, `INSERT 0 12`, `MERGE 12`.
_ROWS_AFFECTED: Final = re.compile(r"^[A-Z ]+?(?: 0)? (\d+)$")


class Build(Protocol):
    """One invocation of `dbt build`."""

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield dbt's log events of nodes as they happen."""

    def failures(self) -> Sequence[str]:
        """Return one sentence for every node that failed, once all events were read."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that is stale is built, and not only what a selection names."""

    def up_to_date(self) -> Sequence[str]:
        """Return the dbt ids of models found up to date so far, among them all that precede the last event's node."""


class Transformer(Protocol):
    """What orchestration provides to the build of the warehouse."""

    @property
    def listener(self) -> Listener:
        """Receives progress."""

    def build(self, arguments: Sequence[str], chosen: Collection[str] | None = None) -> Build:
        """Prepare `dbt build`; it starts when its events are read.

        Args:
            arguments: further arguments of dbt, such as a selection.
            chosen: the dbt ids of the models and snapshots that are built whether or not they are stale; None builds
                what is stale.
        """

    def record_restatements(self) -> None:
        """Record what a build that ended well found changed after it was billed."""

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


def invoicing_assets(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """The tables of schema `billing` that dbt reads, as assets that Dagster does not make.

    Args:
        manifest: dbt's `manifest.json`.
    """
    return [
        dg.AssetSpec(node_key(node), description=node["description"], group_name=node_group(node), kinds={"postgres"})
        for node in manifest["sources"].values()
        if node["source_name"] == "invoicing"
    ]


def warehouse_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """All models and snapshots as assets of one step, because a dbt invocation costs more than most models.

    Args:
        manifest: dbt's `manifest.json`.
    """
    manifest = with_attached_tests(manifest)
    translator = WarehouseTranslator()

    @dbt_assets(manifest=manifest, name=BUILD_NAME, dagster_dbt_translator=translator, pool="warehouse")
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
        chosen = None
        if AUTOMATIC_TAG in context.run.tags:
            selection, indirect = [], None
        elif selection or SELECTED_TAG in context.run.tags:
            chosen = {
                unique_id
                for unique_id, node in manifest["nodes"].items()
                if node["resource_type"] in ("model", "snapshot")
                and translator.get_asset_key(node) in context.selected_asset_keys
            }
        build = transformer.build([*selection, *(["--indirect-selection", indirect] if indirect else [])], chosen)
        listener = transformer.listener
        listener.begins("Warehouse")
        done = 0
        with transformer.alone():
            for done, event in enumerate(build.events(), start=1):
                data = event["data"]
                # Tests have another name for the same number.
                listener.built(data["node_info"]["node_name"], done, int(data.get("total") or data["num_models"]))
                node = manifest["nodes"][data["node_info"]["unique_id"]]
                if node["resource_type"] != "test":
                    key = translator.get_asset_key(node)
                    if key not in context.selected_asset_keys:
                        # Built because it is published together with what was selected, or because it is stale.
                        context.log_event(dg.AssetMaterialization(key))
                        continue
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
                description=f"{len(failures)} models or tests failed, the first with: {failures[0]}",
                metadata={FAILURES: dg.MetadataValue.json(list(failures))},
                allow_retries=False,
            )
        if done:
            transformer.record_restatements()
        # Not after a failure: an up-to-date view may read a model that failed.
        if build.is_whole:
            context.log_event(verification(done, len(build.up_to_date())))

    return build_warehouse


def _with_row_count(output: dg.Output[Any], event: Mapping[str, Any]) -> dg.Output[Any]:
    """Rows that a build wrote: all rows of a table, only the new ones of an incremental model."""
    match = _ROWS_AFFECTED.match(str(event["data"].get("status", "")))
    if match is None:
        return output
    name = ROW_COUNT if event["data"]["node_info"]["materialized"] == "table" else ROWS_WRITTEN
    return output.with_metadata({**output.metadata, name: int(match.group(1))})
