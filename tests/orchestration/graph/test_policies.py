"""Policies: owners and freshness of every asset; a group or profile without a rule raises."""

from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from orchestration.errors import SettingsError
from orchestration.graph.policies import schedule_status, sensor_status, with_policies
from orchestration.settings import PROFILES, Profile, Settings
from sources.catalog import SOURCES


def test_a_group_without_owner_raises_and_names_the_mend() -> None:
    with pytest.raises(SettingsError, match="Group weather of marts/storms has no owner; add it to GROUP_OWNERS"):
        with_policies(dg.AssetSpec(["marts", "storms"], group_name="weather"))


def test_made_up_data_is_not_polled_and_real_data_is() -> None:
    statuses = {profile: schedule_status(Settings(profile=profile, home=Path("/nowhere"))) for profile in PROFILES}
    assert statuses == {
        "sandbox": dg.DefaultScheduleStatus.STOPPED,
        "production": dg.DefaultScheduleStatus.RUNNING,
    }


def test_an_unknown_profile_raises_instead_of_falling_back() -> None:
    settings = Settings(profile=cast("Profile", "staging"), home=Path("/nowhere"))
    choices: list[Any] = [schedule_status, sensor_status]
    for choose in choices:
        with pytest.raises((SettingsError, KeyError)):
            choose(settings)


@pytest.mark.parametrize(
    ("source", "minutes"),
    [("tempo", 15), ("jira", 15), ("clickhouse", 15), ("github", 60), ("clockify", 60), ("plaid", 360)],
)
def test_a_source_is_read_as_often_as_agreed(source: str, minutes: int) -> None:
    minute, hour, *_ = SOURCES[source].cron.split()
    per_hour = 60 // int(minute.removeprefix("*/")) if minute.startswith("*/") else 1
    hours = 24 if hour == "*" else len(hour.split(","))
    assert 24 * 60 / (per_hour * hours) == minutes


@pytest.mark.parametrize("source", SOURCES)
def test_freshness_leaves_room_for_a_missed_tick(source: str) -> None:
    spec = SOURCES[source]
    minute, hour, *_ = spec.cron.split()
    interval = 15 if minute.startswith("*/") else 60 if hour == "*" else 360
    assert spec.fresh_within.total_seconds() / 60 >= 2 * interval


def test_a_raw_table_and_its_staging_view_have_one_owner_but_only_the_view_is_carried() -> None:
    raw = with_policies(dg.AssetSpec(["plaid", "items"], group_name="plaid", kinds={"dlt"}))
    view = with_policies(dg.AssetSpec(["staging", "stg_plaid__items"], group_name="plaid", kinds={"dbt"}))
    assert raw.owners == view.owners == ["team:finance"]
    assert raw.automation_condition is None
    assert view.automation_condition is not None
