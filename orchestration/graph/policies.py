"""Owners, freshness and default status of everything in the asset graph; those of a source come from its SPEC."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import dagster as dg

from assets.keys import CLICKHOUSE_GROUP, pages_key
from assets.nodes import BUILT_NODES
from orchestration.errors import SettingsError
from orchestration.graph.automation import carry_new_data
from orchestration.settings import Profile, Settings
from sources.catalog import SOURCES

# The day changes at midnight of the agency's zone, in most zones on a whole or half hour of UTC.
WAREHOUSE_CRON: Final = "1,31 * * * *"

# Folders of models below dbt_project/models, in the order of the data flow, and what follows; a new one needs its line.
GROUP_OWNERS: Final[Mapping[str, str]] = {
    "invoicing": "team:finance",
    "staging": "team:delivery",
    "identity": "team:delivery",
    "agreements": "team:finance",
    "sessions": "team:engineering",
    "time": "team:delivery",
    "billing": "team:finance",
    "engineering": "team:engineering",
    "money": "team:finance",
    "reports": "team:finance",
    "changes": "team:engineering",
    CLICKHOUSE_GROUP: "team:engineering",
}
# Tags, by which a selection finds assets: tag:layer=marts.
LAYER: Final = "layer"
SENSITIVITY: Final = "sensitivity"
# Of what more than role owner reads (rule 1.16).
_SENSITIVITIES: Final[Mapping[str, str]] = {
    "marts": "internal",
    "reports": "internal",
    CLICKHOUSE_GROUP: "internal",
    "private": "confidential",
    "invoicing": "confidential",
}
# Whatever is built follows its inputs within minutes; a day without a whole build is a fault.
BUILT_WITHIN: Final = timedelta(hours=26)
_SCHEDULED: Final[Mapping[Profile, dg.DefaultScheduleStatus]] = {
    "sandbox": dg.DefaultScheduleStatus.STOPPED,
    "production": dg.DefaultScheduleStatus.RUNNING,
}
_SENSED: Final[Mapping[Profile, dg.DefaultSensorStatus]] = {
    "sandbox": dg.DefaultSensorStatus.STOPPED,
    "production": dg.DefaultSensorStatus.RUNNING,
}


def schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Whether schedules run as soon as the daemon does: a made-up agency needs no polling."""
    return settings.by_profile(_SCHEDULED)


def sensor_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Whether sensors run as soon as the daemon does."""
    return settings.by_profile(_SENSED)


def with_policies(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give an asset owner and tags, a raw table and the record of builds a freshness, a model the automation condition.

    A model that is up to date has no event of its own, so its freshness is that of the last build.

    Raises:
        SettingsError: its group has no owner.
    """
    group = spec.group_name or ""
    spec = spec.merge_attributes(tags=_tags(spec))
    if "dlt" in spec.kinds:
        source = SOURCES[group]
        return spec.replace_attributes(owners=[source.owner], freshness_policy=_within(source.fresh_within))
    owner = SOURCES[group].owner if group in SOURCES else GROUP_OWNERS.get(group)
    if owner is None:
        raise SettingsError(
            f"Group {group} of {spec.key.to_user_string()} has no owner; add it to GROUP_OWNERS in {__file__}."
        )
    if spec.key == BUILT_NODES:
        return spec.replace_attributes(owners=[owner], freshness_policy=_within(BUILT_WITHIN))
    if "dbt" not in spec.kinds:
        # What people write when they decide is never late; what is published or shown has a schedule of its own.
        return spec.replace_attributes(owners=[owner])
    return spec.replace_attributes(owners=[owner], automation_condition=carry_new_data())


def _tags(spec: dg.AssetSpec) -> dict[str, str]:
    """The layer, and who reads it: analysts (internal), finance (confidential), or the owner alone (restricted)."""
    layer = "raw" if "dlt" in spec.kinds else spec.key.path[0]
    # A page shows what finance alone reads.
    sensitivity = "confidential" if spec.key == pages_key() else _SENSITIVITIES.get(layer, "restricted")
    return {LAYER: layer, SENSITIVITY: sensitivity}


def _within(window: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window * 0.75)
