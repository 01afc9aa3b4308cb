"""What Dagster stores stays bounded: a simulated month leaves the last runs, the last results and what assets need."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.graph.housekeeping import KEPT_FOR, KEPT_RUNS, forget, housekeeping_sensor
from orchestration.graph.instance import dagster_folder, log_folder, open_instance
from orchestration.graph.processes import PROCESS_TAG
from orchestration.settings import Settings

RARE, OFTEN = dg.AssetKey(["raw_plaid", "items"]), dg.AssetKey(["marts", "time_entries"])
A_DAY = 2


@dg.asset(key=OFTEN, check_specs=[dg.AssetCheckSpec("unique_key", asset=OFTEN)])
def often() -> Iterator[dg.AssetCheckResult | dg.Output[None]]:
    yield dg.Output(None)
    yield dg.AssetCheckResult(passed=True)


@dg.asset(key=RARE)
def rare() -> None:
    """Loaded once, on the first day."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(profile="production", home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def month(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """A month in which one asset is built several times a day, looked after once a day."""
    with open_instance(settings) as instance:
        dg.materialize([rare], instance=instance)
        _becomes_older(settings, timedelta(days=30))
        for _ in range(30):
            for _ in range(A_DAY):
                dg.materialize([often], instance=instance)
            forget(instance, settings, datetime.now(UTC))
            _becomes_older(settings, timedelta(days=1))
        forget(instance, settings, datetime.now(UTC))
        yield instance


def _becomes_older(settings: Settings, by: timedelta) -> None:
    """Date everything that is stored back."""
    history = dagster_folder(settings) / "history"
    for file, table in (("runs.db", "runs"), ("runs/index.db", "asset_check_executions")):
        with closing(sqlite3.connect(history / file)) as connection, connection:
            connection.execute(
                f"update {table} set create_timestamp = datetime(create_timestamp, ?)",
                [f"-{by.total_seconds():.0f} seconds"],
            )


def _count(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute(f"select count(*) from {table}").fetchone()
    return int(count)


def test_after_a_month_there_is_a_week(month: dg.DagsterInstance, settings: Settings) -> None:
    history = dagster_folder(settings) / "history"
    kept = KEPT_FOR.days * A_DAY
    runs = month.get_runs()
    assert kept - A_DAY <= len(runs) <= kept + 1
    databases = {file.name.partition(".")[0] for file in (history / "runs").glob("*.db*")} - {"index"}
    assert databases == {run.run_id for run in runs}
    assert _count(history / "runs" / "index.db", "asset_check_executions") <= kept + 1
    with closing(sqlite3.connect(history / "runs" / "index.db")) as connection:
        (stored,) = connection.execute("select count(distinct run_id) from event_logs").fetchone()
    assert stored == len(runs)


def test_what_an_asset_was_loaded_with_last_is_kept_however_old_it_is(month: dg.DagsterInstance) -> None:
    for key in (RARE, OFTEN):
        event = month.get_latest_materialization_event(key)
        assert event is not None
        assert month.get_run_by_id(event.run_id) is not None
        assert month.get_latest_data_version_record(key) is not None


def test_on_a_busy_day_the_last_runs_are_kept(
    month: dg.DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT_RUNS == 200
    monkeypatch.setattr("orchestration.graph.housekeeping.KEPT_RUNS", 3)
    assert forget(month, settings, datetime.now(UTC)) > 0
    # The last three, and the one that loaded the rare asset.
    assert len(month.get_runs()) == 4


def test_logs_are_removed_or_emptied_and_what_a_killed_dbt_left_is_removed(
    month: dg.DagsterInstance, settings: Settings
) -> None:
    logs = log_folder(settings)
    (logs / "runs").mkdir(exist_ok=True)
    old, new, long = logs / "runs" / "old.log", logs / "runs" / "new.log", logs / "daemon.log"
    parsing = settings.home / "dbt" / "tmpabcdefgh"
    parsing.mkdir(parents=True)
    (parsing / "manifest.json").write_text("{")
    old.touch()
    new.touch()
    long.write_bytes(b"x" * 10_000_001)
    later = datetime.now(UTC) + KEPT_FOR + timedelta(hours=1)
    new_time = later.timestamp()
    os.utime(new, (new_time, new_time))
    forget(month, settings, later)
    assert not old.exists()
    assert new.exists()
    assert long.stat().st_size == 0
    assert not parsing.exists()


def test_while_the_daemon_runs_dead_runs_are_buried_and_the_old_is_forgotten_now_and_then(settings: Settings) -> None:
    with open_instance(settings) as instance:
        dead = instance.create_run_for_job(
            dg.define_asset_job("a_load", [rare]).resolve(
                asset_graph=dg.Definitions(assets=[rare]).resolve_asset_graph()
            ),
            status=dg.DagsterRunStatus.STARTED,
            tags={PROCESS_TAG: "1:1"},
        )
        sensor = housekeeping_sensor(settings)
        first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        assert first.skip_message == f"Run {dead.run_id[:8]} of a dead process is marked as failed."
        again = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=first.cursor))
        assert (again.skip_message, again.cursor) == ("Nothing to do.", first.cursor)
