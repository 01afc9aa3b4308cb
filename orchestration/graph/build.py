"""Everything that Dagster runs, composed from assets, resources, policies, schedules and sensors."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.expectations import expectation_checks
from assets.nodes import AUTOMATIC_TAG, built_nodes
from assets.raw import raw_assets
from assets.suites.catalog import SUITES
from assets.warehouse import invoicing_assets, warehouse_assets
from orchestration.graph.alerts import alert_sensor
from orchestration.graph.automation import (
    CHECK_INTERVAL_SECONDS,
    CHECK_SENSOR_NAME,
    INTERVAL_SECONDS,
    SENSOR_NAME,
    check_new_data,
)
from orchestration.graph.clickhouse_marts import JOB as PUBLISH_JOB
from orchestration.graph.clickhouse_marts import RESOURCE as MARTS_PUBLISHER
from orchestration.graph.clickhouse_marts import TAGS as PUBLISH_TAGS
from orchestration.graph.clickhouse_marts import MartsPublisher, clickhouse_assets, clickhouse_schedule
from orchestration.graph.code import code_references
from orchestration.graph.deliveries import deliver_invoices, delivery_sensor
from orchestration.graph.housekeeping import housekeeping_sensor
from orchestration.graph.invoices import JOBS, Decisions
from orchestration.graph.invoices import RESOURCE as DECISIONS
from orchestration.graph.loads import Resources, load_job, open_resources
from orchestration.graph.pages import JOB as PAGES_JOB
from orchestration.graph.pages import RESOURCE as PAGE_WRITER
from orchestration.graph.pages import TAGS as PAGES_TAGS
from orchestration.graph.pages import PageWriter, pages_asset, pages_schedule
from orchestration.graph.policies import sensor_status, with_policies
from orchestration.graph.processes import run_executor
from orchestration.graph.schedules import (
    BUILD_JOB,
    BUILD_TAGS,
    CHECK_TAGS,
    build_schedules,
    expectations_job,
    source_job,
    warehouse_schedule,
)
from orchestration.graph.sensors import file_sensor, session_sensor
from orchestration.inputs.reference import reference_files, transcripts
from orchestration.settings import Settings
from sources.catalog import SOURCES


def build_definitions(
    settings: Settings,
    resource_overrides: Mapping[str, Any] | None = None,
    *,
    resources: Resources | None = None,
) -> dg.Definitions:
    """Compose the definitions; connects to nothing and needs no credentials.

    Args:
        settings: home, profile and where things are.
        resource_overrides: resources by name (`landing`, `transformer`) that replace the default ones.
        resources: those that the caller has opened; by default progress is logged.

    Raises:
        WorkledgerError: the home cannot be written, the dbt project does not parse, or a policy is missing.
    """
    resources = resources or open_resources(settings)
    specs = list(SOURCES.values())
    raw = [raw_assets(spec) for spec in specs]
    manifest = resources.transformer.manifest.read()
    warehouse = warehouse_assets(manifest)
    expectations = [expectation_checks(SUITES[spec.name], spec.title, check_new_data()) for spec in specs]
    built_selection = dg.AssetSelection.assets(warehouse)
    pages = pages_asset()
    clickhouse = [clickhouse_assets(manifest)] if settings.publish_clickhouse_dsn else []
    checked = [one.check_specs for one in (*raw, warehouse, *expectations, *clickhouse)]
    with_code = code_references(manifest)
    rules = {check.key: check.description or "" for specs_of_one in checked for check in specs_of_one}
    return dg.Definitions(
        assets=dg.map_asset_specs(
            lambda spec: with_code(with_policies(spec)),
            [*raw, *invoicing_assets(manifest), warehouse, built_nodes(), pages, *clickhouse],
        ),
        asset_checks=expectations,
        resources={
            "landing": resources.landing,
            "transformer": resources.transformer,
            DECISIONS: Decisions(resources.places),
            PAGE_WRITER: PageWriter(resources.places),
            MARTS_PUBLISHER: MartsPublisher(resources.places, resources.transformer),
            **(resource_overrides or {}),
        },
        jobs=[
            load_job(),
            dg.define_asset_job(
                BUILD_JOB, built_selection, description="Build and test the whole warehouse.", tags=BUILD_TAGS
            ),
            dg.define_asset_job(
                PAGES_JOB,
                dg.AssetSelection.assets(pages),
                description="Write the pages of figures and charts.",
                tags=PAGES_TAGS,
            ),
            *(
                dg.define_asset_job(
                    PUBLISH_JOB,
                    dg.AssetSelection.assets(one),
                    description="Publish marts and reports to ClickHouse.",
                    tags=PUBLISH_TAGS,
                )
                for one in clickhouse
            ),
            *(source_job(spec) for spec in specs),
            *(expectations_job(spec, checks) for spec, checks in zip(specs, expectations, strict=True)),
            *JOBS,
            deliver_invoices,
        ],
        executor=run_executor,
        schedules=[
            *build_schedules(specs, settings),
            warehouse_schedule(BUILD_JOB, settings),
            pages_schedule(settings),
            *(clickhouse_schedule(settings) for _ in clickhouse),
        ],
        sensors=[
            file_sensor(SOURCES["claude_code"], settings, lambda: transcripts(settings)),
            file_sensor(SOURCES["reference"], settings, lambda: reference_files(settings)),
            session_sensor(settings),
            dg.AutomationConditionSensorDefinition(
                SENSOR_NAME,
                target=built_selection,
                default_status=sensor_status(settings),
                minimum_interval_seconds=INTERVAL_SECONDS,
                run_tags={**BUILD_TAGS, AUTOMATIC_TAG: "true"},
                description="Carry new raw data through dbt.",
            ),
            dg.AutomationConditionSensorDefinition(
                CHECK_SENSOR_NAME,
                target=dg.AssetSelection.checks(*expectations),
                default_status=sensor_status(settings),
                minimum_interval_seconds=CHECK_INTERVAL_SECONDS,
                run_tags=CHECK_TAGS,
                description="Hold new raw data to its suite of expectations.",
            ),
            housekeeping_sensor(settings),
            delivery_sensor(settings),
            alert_sensor(settings, rules),
        ],
    )
