"""Everything that Dagster runs, composed from assets, resources, policies, schedules and sensors."""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

from assets.expectations import expectation_checks
from assets.progress import Listener
from assets.raw import raw_assets
from assets.suites.catalog import SUITES
from assets.warehouse import warehouse_assets
from orchestration.graph.automation import CHECK_INTERVAL_SECONDS, CHECK_SENSOR_NAME, SENSOR_NAME, check_new_data
from orchestration.graph.policies import sensor_status, with_policies
from orchestration.graph.resources import LoggingListener, Places, SourceLanding, WarehouseTransformer
from orchestration.graph.schedules import (
    RUN_TAGS,
    build_schedules,
    expectations_job,
    load_selection,
    source_job,
    warehouse_schedule,
)
from orchestration.graph.sensors import file_sensor, session_sensor
from orchestration.inputs.reference import reference_files, transcripts
from orchestration.settings import Settings
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import database_name
from sources.catalog import SOURCES

LOAD_JOB: Final = "refresh_sources"
BUILD_JOB: Final = "refresh_warehouse"


def build_definitions(
    settings: Settings,
    resource_overrides: Mapping[str, Any] | None = None,
    *,
    listener: Listener | None = None,
) -> dg.Definitions:
    """Compose the definitions; connects to nothing and needs no credentials.

    Args:
        settings: home, profile and where things are.
        resource_overrides: resources by name (`landing`, `transformer`) that replace the default ones.
        listener: shows the progress to a person, who waits for the result; by default progress is logged.

    Raises:
        WorkledgerError: the home cannot be written, the dbt project does not parse, or a policy is missing.
    """
    attended = listener is not None
    listener = listener or LoggingListener()
    places = Places(settings, listener.says)
    manifest = prepare_manifest(settings.home, database_name(settings))
    specs = list(SOURCES.values())
    raw = [raw_assets(spec) for spec in specs]
    warehouse = warehouse_assets(manifest.read())
    expectations = [expectation_checks(SUITES[spec.name], spec.title, check_new_data()) for spec in specs]
    raw_selection = load_selection(*specs)
    built_selection = dg.AssetSelection.assets(warehouse)
    return dg.Definitions(
        assets=dg.map_asset_specs(with_policies, [*raw, warehouse]),
        asset_checks=expectations,
        resources={
            "landing": SourceLanding(places, listener, attended=attended),
            "transformer": WarehouseTransformer(places, manifest, listener),
            **(resource_overrides or {}),
        },
        jobs=[
            dg.define_asset_job(LOAD_JOB, raw_selection, description="Load every source.", tags=RUN_TAGS),
            dg.define_asset_job(BUILD_JOB, built_selection, description="Build and test the whole warehouse."),
            *(source_job(spec) for spec in specs),
            *(expectations_job(spec, checks) for spec, checks in zip(specs, expectations, strict=True)),
        ],
        schedules=[*build_schedules(specs, settings), warehouse_schedule(BUILD_JOB, settings)],
        sensors=[
            file_sensor(SOURCES["claude_code"], settings, lambda: transcripts(settings)),
            file_sensor(SOURCES["reference"], settings, lambda: reference_files(settings)),
            session_sensor(settings),
            dg.AutomationConditionSensorDefinition(
                SENSOR_NAME,
                target=built_selection,
                default_status=sensor_status(settings),
                minimum_interval_seconds=30,
                description="Carry new raw data through dbt.",
            ),
            dg.AutomationConditionSensorDefinition(
                CHECK_SENSOR_NAME,
                target=dg.AssetSelection.checks(*expectations),
                default_status=sensor_status(settings),
                minimum_interval_seconds=CHECK_INTERVAL_SECONDS,
                description="Hold new raw data to its suite of expectations.",
            ),
        ],
    )
