"""Group clickhouse_marts: off until it is set, an asset and a check for each mart and report, nothing private."""

from collections.abc import Collection
from pathlib import Path

import dagster as dg
import pytest

from assets.keys import clickhouse_key, node_key
from assets.nodes import FAILURES, ROW_COUNT, SELECTED_TAG
from orchestration.graph.build import build_definitions
from orchestration.graph.clickhouse_marts import EQUALS_POSTGRES, JOB, clickhouse_assets, published_relations
from orchestration.settings import Settings
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import DATABASE
from publishing.catalogue import Relation
from publishing.errors import PublishingError
from publishing.publisher import Difference, Outcome, Published, Result

DSN = "chdb:///nowhere"


@pytest.fixture(scope="module")
def home(parsed_home: Path) -> Path:
    return parsed_home


@pytest.fixture(scope="module")
def published_assets(home: Path) -> dg.AssetsDefinition:
    return clickhouse_assets(prepare_manifest(home, DATABASE).read())


def relation(name: str) -> Relation:
    return Relation("marts", name, (), "", False, 0, "")


class StandIn:
    """Publishes nothing; remembers what it was asked, and answers what a test says."""

    def __init__(self, answer: Result | PublishingError) -> None:
        self.answer = answer
        self.asked: list[tuple[Collection[tuple[str, str]] | None, bool]] = []

    def publish(self, chosen: Collection[tuple[str, str]] | None, *, compare_all: bool) -> Result:
        self.asked.append((chosen, compare_all))
        if isinstance(self.answer, PublishingError):
            raise self.answer
        return self.answer


def materialized(
    published_assets: dg.AssetsDefinition, publisher: StandIn, *keys: dg.AssetKey, tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [published_assets],
        selection=list(keys) or None,
        resources={"marts_publisher": publisher},
        raise_on_error=False,
        instance=dg.DagsterInstance.ephemeral(),
        tags=tags,
    )


def test_the_group_is_there_only_when_it_is_set(home: Path) -> None:
    for dsn in (None, DSN):
        settings = Settings(profile="production", home=home, publish_clickhouse_dsn=dsn)
        definitions = build_definitions(settings)
        groups = {spec.group_name for spec in definitions.resolve_all_asset_specs()}
        jobs = {job.name for job in definitions.resolve_all_job_defs()}
        schedules = {one.name for one in definitions.schedules or []}
        found = ("clickhouse_marts" in groups, JOB in jobs, "clickhouse_marts_schedule" in schedules)
        assert found == (dsn is not None,) * 3


def test_each_mart_and_report_is_one_asset_with_one_check_built_from_what_it_is(
    home: Path, published_assets: dg.AssetsDefinition
) -> None:
    manifest = prepare_manifest(home, DATABASE).read()
    read = {
        (schema, name)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        for schema, name in [node_key(node).path]
        if schema in ("marts", "reports")
    }
    found = set(published_relations(manifest))

    # The one that nobody reads whole is left out, and only that.
    assert read - found == {("reports", "session_activity_buckets")}
    assert found <= read
    assert set(published_assets.keys) == {clickhouse_key(*place) for place in found}
    assert {key.asset_key for key in published_assets.check_keys} == set(published_assets.keys)
    for spec in published_assets.specs:
        assert [dep.asset_key.path for dep in spec.deps] == [list(spec.key.path[1:])]
        assert spec.description
    comments = published_relations(manifest)["marts", "time_entries"]
    assert comments.comment.startswith("Time from every source")
    assert comments.columns["local_date"]


def test_nothing_private_is_published(home: Path) -> None:
    manifest = prepare_manifest(home, DATABASE).read()
    private = {node["name"] for node in manifest["nodes"].values() if node["config"].get("schema") == "private"}

    assert {"developer_costs", "session_prompts", "session_responses", "personal_transactions"} <= private
    assert not {name for _, name in published_relations(manifest)} & private


def test_what_was_moved_has_an_event_and_a_check_and_what_was_not_has_none(
    published_assets: dg.AssetsDefinition,
) -> None:
    names: list[tuple[str, Outcome]] = [("clients", "moved"), ("projects", "equal"), ("developers", "unchanged")]
    publisher = StandIn(Result([Published(relation(name), outcome, 7, 3) for name, outcome in names]))

    result = materialized(published_assets, publisher)

    assert result.success
    assert publisher.asked == [(None, False)]
    events = [one.step_materialization_data.materialization for one in result.get_asset_materialization_events()]
    assert {one.asset_key.path[-1] for one in events} == {"clients", "projects"}
    assert {one.metadata[ROW_COUNT].value for one in events} == {7}
    checks = {(one.asset_key.path[-1], one.check_name, one.passed) for one in result.get_asset_check_evaluations()}
    assert checks == {("clients", EQUALS_POSTGRES, True), ("projects", EQUALS_POSTGRES, True)}


def test_what_a_person_selects_is_compared(published_assets: dg.AssetsDefinition) -> None:
    publisher = StandIn(Result([Published(relation("clients"), "equal", 7)]))

    result = materialized(published_assets, publisher, clickhouse_key("marts", "clients"), tags={SELECTED_TAG: "true"})

    assert result.success
    assert publisher.asked == [({("marts", "clients")}, True)]


def test_a_difference_fails_its_check_and_the_run(published_assets: dg.AssetsDefinition) -> None:
    publisher = StandIn(Result(differences=[Difference(relation("clients"), "marts.clients was not published.")]))

    result = materialized(published_assets, publisher)

    assert not result.success
    [check] = result.get_asset_check_evaluations()
    assert (check.asset_key.path[-1], check.passed, check.description) == (
        "clients",
        False,
        "marts.clients was not published.",
    )
    [failed] = result.filter_events(lambda one: one.is_step_failure)
    said = failed.step_failure_data.user_failure_data
    assert said is not None
    assert said.metadata[FAILURES].value == ["marts.clients was not published."]
    assert result.get_asset_materialization_events() == []


def test_a_failure_is_its_own_sentence(published_assets: dg.AssetsDefinition) -> None:
    result = materialized(published_assets, StandIn(PublishingError("marts.clients does not exist yet.")))

    [failed] = result.filter_events(lambda one: one.is_step_failure)
    said = failed.step_failure_data.user_failure_data
    assert said is not None
    assert said.description == "marts.clients does not exist yet."
