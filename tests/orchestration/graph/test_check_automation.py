"""When suites of expectations run: after new rows, not after an idle load, never as part of a load or a build."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.expectations import SHAPE, VOLUME
from orchestration.commands.expectations import check_expectations
from orchestration.errors import WorkledgerError
from orchestration.graph.automation import check_new_data
from orchestration.graph.build import build_definitions
from orchestration.graph.schedules import BUILD_JOB, LOAD_JOB
from orchestration.settings import Settings
from sources.catalog import SOURCES

RAW = dg.AssetKey(["clockify", "time_entries"])
OTHER = dg.AssetKey(["clockify", "tags"])
CHECKS = {dg.AssetCheckKey(key, SHAPE) for key in (RAW, OTHER)}


@dg.multi_asset(specs=[dg.AssetSpec(RAW), dg.AssetSpec(OTHER)], can_subset=True)
def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
    for key in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(context.run.tags["version"]))


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(SHAPE, asset=key, automation_condition=check_new_data()) for key in (RAW, OTHER)],
    can_subset=True,
)
def expect(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    for key in context.selected_asset_check_keys:
        yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, passed=True)


class World:
    """An instance, its definitions and the condition's memory."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = dg.Definitions(assets=[load], asset_checks=[expect])
        self.cursor: Any = None

    def load(self, key: dg.AssetKey, version: str) -> None:
        job = self.definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=self.instance, asset_selection=[key], tags={"version": version})

    def requested(self) -> set[dg.AssetCheckKey]:
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, asset_selection=dg.AssetSelection.all_asset_checks(), cursor=self.cursor
        )
        self.cursor = result.cursor
        return {one.key for one in result.results if one.true_subset.size > 0 and isinstance(one.key, dg.AssetCheckKey)}


@pytest.fixture
def world() -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(instance)


def test_a_table_is_checked_at_first_and_after_each_load_that_wrote_something(world: World) -> None:
    assert world.requested() == CHECKS
    assert world.requested() == set()
    world.load(RAW, "1")
    assert world.requested() == {dg.AssetCheckKey(RAW, SHAPE)}
    assert world.requested() == set()


def test_an_idle_load_asks_for_no_check(world: World) -> None:
    world.load(RAW, "1")
    world.requested()
    world.load(RAW, "1")
    assert world.requested() == set()


def test_several_loads_between_two_looks_ask_for_one_check(world: World) -> None:
    world.requested()
    world.load(RAW, "1")
    world.load(RAW, "2")
    assert world.requested() == {dg.AssetCheckKey(RAW, SHAPE)}
    assert world.requested() == set()


def test_checks_are_on_raw_assets_and_have_jobs_of_their_own(tmp_path: Path, parsed_home: Path) -> None:
    shutil.copytree(parsed_home / "dbt", tmp_path / "dbt")
    definitions = build_definitions(Settings(profile="production", home=tmp_path))
    of_suites = {key for key in definitions.resolve_asset_graph().asset_check_keys if key.name in (SHAPE, VOLUME)}
    assert {key.asset_key.path[0] for key in of_suites} == set(SOURCES)
    for source in SOURCES:
        layer = definitions.resolve_job_def(f"check_{source}").asset_layer
        assert layer.asset_graph.asset_check_keys == {key for key in of_suites if key.asset_key.path[0] == source}
        assert not definitions.resolve_job_def(f"refresh_{source}").asset_layer.asset_graph.asset_check_keys & of_suites
    for job in (LOAD_JOB, BUILD_JOB):
        # A load does not wait for seconds of importing, and what is built does not either.
        assert not definitions.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys & of_suites
    sensor = definitions.resolve_sensor_def("check_new_data")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkledgerError, match="There is no source klockify; sources are "):
        check_expectations(Settings(profile="production", home=tmp_path), ["klockify"])
