"""Marts and reports in ClickHouse as assets: group `clickhouse_marts`, there if PUBLISH_CLICKHOUSE_DSN is set."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

import dagster as dg

from assets.keys import CLICKHOUSE_GROUP, clickhouse_key, node_key
from assets.nodes import FAILURES, ROW_COUNT, ROWS_WRITTEN, SELECTED_TAG
from orchestration.errors import ClickHouseError
from orchestration.graph.instance import ALONE_TAG
from orchestration.graph.policies import schedule_status
from orchestration.graph.resources import Places, WarehouseTransformer
from orchestration.settings import Settings
from orchestration.warehouse.clickhouse import open_published, postgres_of
from orchestration.warehouse.state import BuildState
from publishing.catalogue import Catalogue, Description
from publishing.errors import PublishingError
from publishing.layout import COMPUTED_WHEN_ASKED, SCHEMAS
from publishing.publisher import Published, Publisher, Result
from publishing.statements import Statements

RESOURCE: Final = "marts_publisher"
JOB: Final = "publish_marts"
TAGS: Final = {ALONE_TAG: "build", "dagster/max_retries": "1", "dagster/max_runtime": "3600"}
EQUALS_POSTGRES: Final = "equals_postgres"
# Behind the builds of every half hour.
_CRON: Final = "11,41 * * * *"


class MartsPublisher:
    """Publishes to the ClickHouse of the settings; both engines are opened when it does."""

    def __init__(self, places: Places, transformer: WarehouseTransformer) -> None:
        """Take the places, and what builds the warehouse."""
        self._places = places
        self._transformer = transformer

    def publish(self, chosen: Collection[tuple[str, str]] | None, *, compare_all: bool) -> Result:
        """Publish what has changed; no build goes on meanwhile, so that all tables are of one state.

        Args:
            chosen: schema and name of relations; None is all.
            compare_all: whether relations are compared, too, that have not changed.

        Raises:
            WorkledgerError: an engine cannot be reached.
            PublishingError: a relation cannot be read or moved.
        """
        settings, says = self._places.settings, self._transformer.listener.says
        if settings.publish_clickhouse_dsn is None:
            raise ClickHouseError("Nothing is published without PUBLISH_CLICKHOUSE_DSN; .env.example says how.")
        warehouse = self._places.warehouse
        descriptions = published_relations(self._transformer.manifest.read())
        with ExitStack() as stack:
            stack.enter_context(self._transformer.alone())
            client = stack.enter_context(open_published(settings.publish_clickhouse_dsn))
            connection = stack.enter_context(warehouse.connect("owner"))
            _, catalog = BuildState(warehouse).read()
            publisher = Publisher(
                Catalogue(connection, catalog.relations, descriptions),
                client,
                postgres_of(settings, warehouse),
                Statements(settings.publish_clickhouse_cluster),
            )
            says("Publishing to ClickHouse …")
            return publisher.publish(chosen, compare_all=compare_all)


def published_relations(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Description]:
    """Return what is published and what the project says about it, by schema and name.

    Args:
        manifest: dbt's `manifest.json`.
    """
    return {
        place: Description(
            node["description"], {name: column["description"] for name, column in node["columns"].items()}
        )
        for place, node in _nodes(manifest).items()
    }


def clickhouse_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """One step that publishes, and one asset for each table; each has a check that it equals Postgres.

    Args:
        manifest: dbt's `manifest.json`.
    """
    nodes = _nodes(manifest)
    places = {clickhouse_key(*place): place for place in nodes}

    @dg.multi_asset(
        name="publish_clickhouse_marts",
        description="Bring marts and reports that have changed to ClickHouse.",
        specs=[
            dg.AssetSpec(
                key,
                deps=[node_key(nodes[place])],
                description=nodes[place]["description"],
                group_name=CLICKHOUSE_GROUP,
                kinds={"clickhouse"},
                skippable=True,
            )
            for key, place in places.items()
        ],
        check_specs=[
            dg.AssetCheckSpec(
                EQUALS_POSTGRES,
                asset=key,
                description="Number of rows, exact sums and a hash of every day are those of Postgres.",
            )
            for key in places
        ],
        can_subset=True,
        # As builds, with which it takes turns.
        pool="warehouse",
    )
    def publish_clickhouse_marts(
        context: dg.AssetExecutionContext, marts_publisher: dg.ResourceParam[MartsPublisher]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        selected = {places[key] for key in context.selected_asset_keys}
        try:
            result = marts_publisher.publish(
                None if len(selected) == len(places) else selected, compare_all=SELECTED_TAG in context.run.tags
            )
        except PublishingError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        for one in result.differences:
            yield dg.AssetCheckResult(
                asset_key=clickhouse_key(one.relation.schema, one.relation.name),
                check_name=EQUALS_POSTGRES,
                passed=False,
                description=one.sentence,
            )
        if result.differences:
            sentences = [one.sentence for one in result.differences]
            raise dg.Failure(sentences[0], metadata={FAILURES: dg.MetadataValue.json(sentences)}, allow_retries=False)
        for published in result.published:
            if published.outcome != "unchanged":
                yield _event(published)

    return publish_clickhouse_marts


def clickhouse_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The schedule by which ClickHouse follows the warehouse."""
    return dg.ScheduleDefinition(
        name="clickhouse_marts_schedule",
        cron_schedule=_CRON,
        execution_timezone="UTC",
        job_name=JOB,
        description="Publish marts and reports that have changed to ClickHouse.",
        default_status=schedule_status(settings),
    )


def _nodes(manifest: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Models that are published, by the schema and name under which people read them."""
    found = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            schema, name = node_key(node).path
            if schema in SCHEMAS and (schema, name) not in COMPUTED_WHEN_ASKED:
                found[schema, name] = node
    return found


def _event(published: Published) -> dg.MaterializeResult[None]:
    key = clickhouse_key(published.relation.schema, published.relation.name)
    days = {} if published.moved_days is None else {"days_moved": published.moved_days}
    rows = {ROW_COUNT: published.rows, ROWS_WRITTEN: published.moved_rows}
    check = dg.AssetCheckResult(check_name=EQUALS_POSTGRES, asset_key=key, passed=True)
    return dg.MaterializeResult(asset_key=key, metadata={**rows, **days}, check_results=[check])
