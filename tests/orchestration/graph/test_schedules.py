"""Schedules: each tick requests one load, unless that source is still being loaded."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.graph.schedules import SOURCE_TAG, build_schedules, warehouse_schedule
from orchestration.settings import Settings
from sources.catalog import SOURCES, SourceSpec
from tests.orchestration.graph.stand_in import a_load

SETTINGS = Settings(profile="production", home=Path("/nowhere"))


def _run_in_progress(instance: dg.DagsterInstance, source: str) -> None:
    instance.create_run_for_job(a_load, status=dg.DagsterRunStatus.STARTED, tags={SOURCE_TAG: source})


@pytest.mark.parametrize("spec", SOURCES.values(), ids=lambda spec: spec.name)
def test_a_tick_requests_one_load(spec: SourceSpec, instance: dg.DagsterInstance) -> None:
    (schedule,) = build_schedules([spec], SETTINGS)
    data = schedule.evaluate_tick(dg.build_schedule_context(instance=instance))
    assert len(data.run_requests or []) == 1


def test_a_tick_is_skipped_while_that_source_is_loaded_and_others_are_not(instance: dg.DagsterInstance) -> None:
    clockify, reference = build_schedules([SOURCES["clockify"], SOURCES["reference"]], SETTINGS)
    _run_in_progress(instance, "clockify")
    context = dg.build_schedule_context(instance=instance)
    skipped, requested = clockify.evaluate_tick(context), reference.evaluate_tick(context)
    assert skipped.skip_message == "Clockify is still being loaded."
    assert not skipped.run_requests
    assert len(requested.run_requests or []) == 1


def test_a_tick_requests_no_second_build_while_one_waits_but_one_after_it_has_begun(
    instance: dg.DagsterInstance,
) -> None:
    schedule = warehouse_schedule(a_load.name, SETTINGS)
    context = dg.build_schedule_context(instance=instance)
    for status, requests in ((dg.DagsterRunStatus.STARTED, 1), (dg.DagsterRunStatus.NOT_STARTED, 0)):
        instance.create_run_for_job(a_load, status=status)
        assert len(schedule.evaluate_tick(context).run_requests or []) == requests, status
