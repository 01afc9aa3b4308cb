"""Dagster's storage in Postgres, as deploy/dagster.yaml has it: connections are kept, what is old is forgotten."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import psycopg
import pytest
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy import text

from orchestration.errors import SettingsError
from orchestration.graph.housekeeping import KEPT_FOR, forget
from orchestration.graph.instance import dagster_folder, open_instance
from orchestration.graph.processes import PROCESS_TAG, process_id, run_executor
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.embedded import EmbeddedServer

OFTEN = dg.AssetKey(["marts", "time_entries"])


@dg.asset(key=OFTEN, check_specs=[dg.AssetCheckSpec("unique_key", asset=OFTEN)])
def often() -> Iterator[dg.AssetCheckResult | dg.Output[None]]:
    yield dg.Output(None)
    yield dg.AssetCheckResult(passed=True)


@pytest.fixture(scope="module")
def dsn(server: EmbeddedServer) -> str:
    name = f"dagster_{uuid4().hex[:12]}"
    with psycopg.connect(**server.administrator(), autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**server.administrator(name))


@pytest.fixture
def settings(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "dagster").mkdir()
    shutil.copy(PROJECT_FOLDER / "deploy" / "dagster.yaml", tmp_path / "dagster")
    monkeypatch.setenv("DAGSTER_DSN", dsn)
    return Settings(profile="production", home=tmp_path, dagster_dsn=dsn)


def test_a_dagster_yaml_of_ones_own_is_left_alone_and_one_of_workledgers_is_renewed(settings: Settings) -> None:
    own = (PROJECT_FOLDER / "deploy" / "dagster.yaml").read_text()
    assert (dagster_folder(settings) / "dagster.yaml").read_text() == own
    (settings.home / "dagster" / "dagster.yaml").unlink()
    written = (dagster_folder(settings) / "dagster.yaml").read_text()
    (settings.home / "dagster" / "dagster.yaml").write_text(written + "# of a former release\n")
    assert (dagster_folder(settings) / "dagster.yaml").read_text() == written


def test_runs_are_stored_in_the_database_over_connections_that_stay_open(settings: Settings, dsn: str) -> None:
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with open_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert type(instance.run_launcher) is dg.DefaultRunLauncher
        assert dg.materialize([often], instance=instance).success
        with psycopg.connect(dsn) as connection:
            assert connection.execute("select count(*) from runs").fetchone() == (1,)
            # One of the runs' storage and one of the events'.
            assert connection.execute(query).fetchone() == (2,)
            # What the server closes is opened again.
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        assert dg.materialize([often], instance=instance).success
    with open_instance(settings) as again:
        assert len(again.get_runs()) == 2


def test_variables_that_dbt_connects_with_do_not_reach_it(
    settings: Settings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # While a build goes on, its process has them; an event of Dagster's may open a connection then.
    monkeypatch.setenv("PGOPTIONS", "-c role=analyst")
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("PGAPPNAME", "dbt 1")
    query = "select current_user, current_setting('timezone'), current_setting('application_name')"
    with open_instance(settings) as instance:
        storage = instance.event_log_storage
        assert isinstance(storage, PostgresEventLogStorage)
        with storage.index_connection() as connection:
            found = connection.execute(text(query)).fetchone()
    assert found is not None
    assert tuple(found) == ("postgres", "UTC", "workledger dagster")


def test_what_is_old_is_forgotten_but_for_what_assets_need(settings: Settings, dsn: str) -> None:
    with open_instance(settings) as instance, psycopg.connect(dsn, autocommit=True) as connection:
        for table in ("runs", "asset_check_executions"):
            connection.execute(f"update {table} set create_timestamp = create_timestamp - interval '30 days'")
        assert dg.materialize([often], instance=instance).success
        before = connection.execute("select count(*) from asset_check_executions").fetchone()
        assert forget(instance, settings, datetime.now(UTC)) > 0
        assert [run.is_success for run in instance.get_runs()] == [True]
        assert before is not None
        assert connection.execute("select count(*) from asset_check_executions").fetchone() == (1,)
        assert before[0] > 1
        assert connection.execute("select count(distinct run_id) from event_logs").fetchone() == (1,)
        # The last result of a check stays however old it is.
        forget(instance, settings, datetime.now(UTC) + KEPT_FOR + timedelta(days=1))
        assert connection.execute("select count(*) from asset_check_executions").fetchone() == (1,)
        assert instance.get_latest_materialization_event(OFTEN) is not None


def test_without_its_address_one_sentence_says_what_to_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_DSN", "")
    with pytest.raises(SettingsError, match=r"DAGSTER_DSN is not set, and .* keeps Dagster's runs"):
        open_instance(settings)


@dg.op
def nothing() -> None:
    """Stand in for a load."""


@dg.job(executor_def=run_executor)
def a_load() -> None:
    nothing()


def test_a_run_names_its_process_whoever_starts_it(settings: Settings) -> None:
    with open_instance(settings) as instance, dg.execute_job(dg.reconstructable(a_load), instance=instance) as result:
        assert result.success
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        assert process_id(run.tags[PROCESS_TAG]) == os.getpid()
