"""Who owns what, how fresh it must be, when a source is read: rules as data, applied once, at the root."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import dagster as dg

from orchestration.automation import carry_new_data
from orchestration.errors import SettingsError
from orchestration.settings import SOURCE_NAMES, Profile, Settings


@dataclass(frozen=True)
class SourcePolicy:
    """Rules of one source: owner, when it is read (cron, UTC), by when a load must have ended.

    "Did it run" is the freshness of the raw assets: a load that finds nothing new writes no row,
    so load columns say nothing.
    """

    owner: str
    cron: str
    fresh_within: timedelta


# Source of the intervals: the issue "Every source"; transcripts and reference files are read when they change, too.
SOURCE_POLICIES: Final[Mapping[str, SourcePolicy]] = {
    "tempo": SourcePolicy("team:delivery", "*/15 * * * *", timedelta(hours=1)),
    "jira": SourcePolicy("team:delivery", "*/15 * * * *", timedelta(hours=1)),
    "clickhouse": SourcePolicy("team:delivery", "*/15 * * * *", timedelta(hours=1)),
    "github": SourcePolicy("team:engineering", "10 * * * *", timedelta(hours=3)),
    "clockify": SourcePolicy("team:delivery", "5 * * * *", timedelta(hours=3)),
    "plaid": SourcePolicy("team:finance", "20 1,7,13,19 * * *", timedelta(hours=13)),
    "claude_code": SourcePolicy("team:engineering", "40 * * * *", timedelta(hours=3)),
    "reference": SourcePolicy("team:finance", "50 * * * *", timedelta(hours=3)),
}

# The day changes at midnight of the agency's zone, in most zones on a whole or half hour of UTC.
WAREHOUSE_CRON: Final = "1,31 * * * *"

# Folders of models below dbt_project/models, in the order of the data flow; a new folder needs its line here.
GROUP_OWNERS: Final[Mapping[str, str]] = {
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
}
# Whatever is built follows its inputs within minutes; a day without a build is a fault.
_BUILT_WITHIN: Final = timedelta(hours=26)
_SCHEDULED: Final[Mapping[Profile, dg.DefaultScheduleStatus]] = {
    "sandbox": dg.DefaultScheduleStatus.STOPPED,
    "production": dg.DefaultScheduleStatus.RUNNING,
}
_SENSED: Final[Mapping[Profile, dg.DefaultSensorStatus]] = {
    "sandbox": dg.DefaultSensorStatus.STOPPED,
    "production": dg.DefaultSensorStatus.RUNNING,
}


def source_policy(source: str) -> SourcePolicy:
    """Return the rules of a source.

    Raises:
        SettingsError: the source has none.
    """
    if source not in SOURCE_POLICIES:
        raise SettingsError(f"Source {source} has no policy; add its line to SOURCE_POLICIES in {__file__}.")
    return SOURCE_POLICIES[source]


def schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    """Whether schedules run as soon as the daemon does: a made-up agency needs no polling."""
    return settings.by_profile(_SCHEDULED)


def sensor_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Whether sensors run as soon as the daemon does."""
    return settings.by_profile(_SENSED)


def with_policies(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give an asset its owner, its freshness and, to what dbt builds, the automation condition.

    Raises:
        SettingsError: its group has no owner.
    """
    group = spec.group_name or ""
    if "dlt" in spec.kinds:
        policy = source_policy(group)
        return spec.replace_attributes(owners=[policy.owner], freshness_policy=_within(policy.fresh_within))
    owner = SOURCE_POLICIES[group].owner if group in SOURCE_NAMES else GROUP_OWNERS.get(group)
    if owner is None:
        raise SettingsError(
            f"Group {group} of {spec.key.to_user_string()} has no owner; add it to GROUP_OWNERS in {__file__}."
        )
    return spec.replace_attributes(
        owners=[owner],
        freshness_policy=_within(_BUILT_WITHIN),
        automation_condition=carry_new_data(),
    )


def _within(window: timedelta) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.time_window(fail_window=window, warn_window=window * 0.75)
