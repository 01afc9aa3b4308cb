"""dbt's manifest as assets and asset checks; dbt itself is run in `orchestration.warehouse.dbt`."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from assets.keys import node_group, node_key, published_schema
from assets.nodes import (
    AUTOMATIC_TAG,
    FAILURES,
    FIRST_ROWS,
    ROW_COUNT,
    ROWS_WRITTEN,
    SELECTED_TAG,
    Reference,
    keys,
    references,
    timing,
    verification,
    with_attached_tests,
)
from assets.progress import Glimpse, Listener

BUILD_NAME: Final = "build_warehouse"

# What every analyst reads, and so whoever opens Dagster may see rows of.
_SHOWN: Final = ("marts", "reports")
_SHOWN_ROWS: Final = 5
_LONGEST_SHOWN: Final = 80
_SLOWEST: Final = 10
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

    def glimpses(self) -> AbstractContextManager[Callable[[str, str, bool, int], Glimpse]]:
        """Provide a function that looks into a table or view that was built.

        Its arguments are schema and name as dbt builds it, whether its rows are counted, and how many are read.
        """

    def record_restatements(self) -> None:
        """Record what a build that ended well found changed after it was billed."""

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other process from building the warehouse at the same time."""


class WarehouseTranslator(DagsterDbtTranslator):
    """dbt's nodes in the asset graph: keys by schema and name, groups by folder, columns with keys and units."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """Take the project; tests of dbt's sources, too, become checks of the raw assets.

        Args:
            manifest: dbt's `manifest.json`.
        """
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True, enable_source_metadata=False))
        self._keys = keys(manifest)
        self._references = references(manifest, ("marts", "private"))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key by schema and name."""
        return node_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Group by folder."""
        return node_group(dbt_resource_props)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description from the model's yml; the SQL is in the repository."""
        return str(dbt_resource_props.get("description") or "")

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """The table as people read it, and its columns with their keys, references and units."""
        metadata = dict(super().get_metadata(dbt_resource_props))
        if dbt_resource_props["resource_type"] not in ("model", "snapshot"):
            return metadata
        unique_id = dbt_resource_props["unique_id"]
        key = self._keys.get(unique_id, ())
        refers = {one.column: one for one in self._references.get(unique_id, ())}
        metadata["dagster/table_name"] = ".".join(self.get_asset_key(dbt_resource_props).path)
        if columns := dbt_resource_props.get("columns"):
            metadata["dagster/column_schema"] = dg.TableSchema(
                columns=[_table_column(column, key, refers.get(name)) for name, column in columns.items()]
            )
        return metadata


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
    translator = WarehouseTranslator(manifest)

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
        seconds: dict[str, float] = {}
        with transformer.alone(), transformer.glimpses() as glimpse:
            for done, event in enumerate(build.events(), start=1):
                data = event["data"]
                # Tests have another name for the same number.
                listener.built(data["node_info"]["node_name"], done, int(data.get("total") or data["num_models"]))
                node = manifest["nodes"][data["node_info"]["unique_id"]]
                seconds[node["name"]] = float(data.get("execution_time") or 0)
                if node["resource_type"] != "test":
                    key = translator.get_asset_key(node)
                    if key not in context.selected_asset_keys:
                        # Built because it is published together with what was selected, or because it is stale.
                        context.log_event(dg.AssetMaterialization(key))
                        continue
                message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
                for result in message.to_default_asset_events(manifest, translator, context):
                    if isinstance(result, dg.Output):
                        yield _with_rows(result, event, node, glimpse)
                    elif isinstance(result, dg.AssetCheckResult):
                        yield result._replace(description=data.get("broken_by"))
                    else:
                        yield result
        listener.finished(done, len(build.failures()), len(build.up_to_date()))
        if seconds:
            context.log_event(timing(seconds, _SLOWEST))
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


def _table_column(column: Mapping[str, Any], key: Sequence[str], reference: Reference | None) -> dg.TableColumn:
    name, kind = str(column["name"]), str(column.get("data_type") or "?")
    is_required = "not_null" in {one["type"] for one in column.get("constraints") or ()}
    tags = {"unit": unit} if (unit := _unit(name, kind)) else {}
    if name in key:
        tags["key"] = "primary"
    if reference:
        tags["references"] = f"{reference.schema}.{reference.table}.{reference.key}"
    return dg.TableColumn(
        name=name,
        type=kind,
        description=column.get("description"),
        constraints=dg.TableColumnConstraints(
            nullable=not (is_required or name in key),
            unique=[name] == list(key),
            other=["primary key"] if name in key else None,
        ),
        tags=tags,
    )


def _unit(name: str, kind: str) -> str | None:
    """The unit of a column, by the words and types that the project uses for it."""
    if kind == "numeric(14,2)":
        return "money"
    return next((unit for unit in ("seconds", "hours", "tokens", "usd") if name.endswith(unit)), None)


def _with_rows(
    output: dg.Output[Any],
    event: Mapping[str, Any],
    node: Mapping[str, Any],
    glimpse: Callable[[str, str, bool, int], Glimpse],
) -> dg.Output[Any]:
    """All rows of a table, of an incremental model also those that the build wrote, and the first few."""
    metadata: dict[str, Any] = {}
    kind = node["config"]["materialized"]
    if match := _ROWS_AFFECTED.match(str(event["data"].get("status", ""))):
        # A table is built whole, even where only what differs is written.
        metadata[ROW_COUNT if kind == "table" else ROWS_WRITTEN] = int(match.group(1))
    shown = _SHOWN_ROWS if published_schema(node) in _SHOWN else 0
    if shown or kind == "incremental":
        seen = glimpse(node["schema"], node["alias"], kind == "incremental", shown)
        if seen.count is not None:
            metadata[ROW_COUNT] = seen.count
        if seen.rows:
            records = [{name: _shown(value) for name, value in row.items()} for row in seen.rows]
            metadata[FIRST_ROWS] = dg.MetadataValue.table([dg.TableRecord(one) for one in records])
    return output.with_metadata({**output.metadata, **metadata})


def _shown(value: Any) -> str | int | bool | None:
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    # People's words stay in the warehouse, whose roles guard them; Dagster's storage has none.
    if isinstance(value, str | list | dict) and len(text.split()) > 1:
        return "(text)"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
