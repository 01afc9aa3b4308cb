"""The automation condition: new raw data is carried through dbt once, an idle load builds nothing."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from orchestration.graph.automation import carry_new_data

RAW = dg.AssetKey(["clockify", "time_entries"])
OTHER_RAW = dg.AssetKey(["reference", "clients"])
STAGED = dg.AssetKey(["staging", "stg_clockify__time_entries"])
MART = dg.AssetKey(["marts", "time_entries"])
CLIENTS = dg.AssetKey(["marts", "clients"])
BUILT = [STAGED, MART, CLIENTS]


def _definitions(*, fails: bool = False) -> dg.Definitions:
    @dg.multi_asset(specs=[dg.AssetSpec(key, kinds={"dlt"}) for key in (RAW, OTHER_RAW)], can_subset=True)
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(context.run.tags["version"]))

    condition = carry_new_data()

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(STAGED, deps=[RAW], automation_condition=condition),
            dg.AssetSpec(MART, deps=[STAGED], automation_condition=condition),
            dg.AssetSpec(CLIENTS, deps=[OTHER_RAW], automation_condition=condition),
        ],
        can_subset=True,
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        if fails:
            raise dg.Failure("the model is broken")
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key)

    return dg.Definitions(assets=[load, build])


class World:
    """An instance, its definitions and the condition's memory."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.definitions = _definitions()
        self.cursor: Any = None

    def load(self, key: dg.AssetKey, version: str) -> None:
        self._run([key], {"version": version})

    def build(self, keys: list[dg.AssetKey], *, fails: bool = False) -> None:
        definitions = _definitions(fails=fails) if fails else self.definitions
        job = definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=self.instance, asset_selection=keys, raise_on_error=False)

    def requested(self) -> set[dg.AssetKey]:
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return {key for key in BUILT if result.get_num_requested(key)}

    def _run(self, keys: list[dg.AssetKey], tags: dict[str, str]) -> None:
        job = self.definitions.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=self.instance, asset_selection=keys, tags=tags).success


@pytest.fixture
def world() -> Iterator[World]:
    """Everything loaded and built once, and looked at."""
    with dg.DagsterInstance.ephemeral() as instance:
        one = World(instance)
        one.load(RAW, "1")
        one.load(OTHER_RAW, "1")
        one.requested()
        one.build(BUILT)
        one.requested()
        yield one


def test_nothing_new_requests_nothing(world: World) -> None:
    assert world.requested() == set()


def test_new_rows_are_carried_through_all_that_is_built_from_them_in_one_tick(world: World) -> None:
    world.load(RAW, "2")
    assert world.requested() == {STAGED, MART}


def test_what_was_requested_is_not_requested_again(world: World) -> None:
    world.load(RAW, "2")
    world.requested()
    assert world.requested() == set()
    world.build([STAGED, MART])
    assert world.requested() == set()


def test_a_load_that_wrote_nothing_builds_nothing(world: World) -> None:
    world.load(RAW, "1")
    assert world.requested() == set()


def test_a_failed_build_waits_for_new_data(world: World) -> None:
    world.load(RAW, "2")
    assert world.requested() == {STAGED, MART}
    world.build([STAGED, MART], fails=True)
    assert world.requested() == set()
    world.load(RAW, "3")
    assert world.requested() == {STAGED, MART}


def test_data_that_comes_between_a_request_and_the_next_look_is_carried_too(world: World) -> None:
    world.load(RAW, "2")
    assert world.requested() == {STAGED, MART}
    world.build([STAGED, MART])
    world.load(RAW, "3")
    assert world.requested() == {STAGED, MART}
    world.build([STAGED, MART])
    assert world.requested() == set()


def test_data_that_comes_while_a_build_runs_is_carried_afterwards(world: World) -> None:
    job = world.definitions.resolve_implicit_global_asset_job_def()
    run = world.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset([STAGED, MART])
    )
    world.load(RAW, "2")
    assert world.requested() == set()
    world.instance.report_run_canceled(run)
    assert world.requested() == {STAGED, MART}
