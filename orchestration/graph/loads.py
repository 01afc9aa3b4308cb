"""The loads alone, of the same names as in `build`: a run that finds nothing to build imports no more than these."""

from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.progress import Listener
from assets.raw import raw_assets
from orchestration.graph.policies import with_policies
from orchestration.graph.resources import LoggingListener, Places, SourceLanding, WarehouseTransformer
from orchestration.graph.schedules import LOAD_JOB, LOAD_TAGS, load_selection
from orchestration.settings import Settings
from orchestration.warehouse.dbt import prepare_manifest
from orchestration.warehouse.opening import database_name
from sources.catalog import SOURCES


@dataclass(frozen=True)
class Resources:
    """What loads and builds are given while they run."""

    places: Places
    landing: SourceLanding
    transformer: WarehouseTransformer


def open_resources(settings: Settings, listener: Listener | None = None) -> Resources:
    """Compose the resources; connects to nothing and needs no credentials.

    Args:
        settings: home, profile and where things are.
        listener: shows the progress to a person, who waits for the result; by default progress is logged.

    Raises:
        WorkledgerError: the home cannot be written, or the dbt project does not parse.
    """
    shown = listener or LoggingListener()
    places = Places(settings, shown.says)
    manifest = prepare_manifest(settings.home, database_name(settings))
    return Resources(
        places,
        SourceLanding(places, shown, attended=listener is not None),
        WarehouseTransformer(places, manifest, shown),
    )


def load_definitions(resources: Resources) -> dg.Definitions:
    """Compose the raw tables and the job that loads them.

    Raises:
        WorkledgerError: a policy is missing.
    """
    return dg.Definitions(
        assets=dg.map_asset_specs(with_policies, [raw_assets(spec) for spec in SOURCES.values()]),
        resources={"landing": resources.landing},
        jobs=[load_job()],
    )


def load_job() -> UnresolvedAssetJobDefinition:
    """The job that loads every source."""
    selection = load_selection(*SOURCES.values())
    return dg.define_asset_job(LOAD_JOB, selection, description="Load every source.", tags=LOAD_TAGS)
