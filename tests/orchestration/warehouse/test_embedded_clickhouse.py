"""The embedded ClickHouse and its guard, seen from several processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.errors import ClickHouseError
from orchestration.settings import PROJECT_FOLDER, Settings
from orchestration.warehouse.clickhouse import clickhouse_dsn, clickhouse_guard, open_clickhouse
from sources.clickhouse.client import MirrorReader
from sources.kit.errors import CredentialError

HOLD = """
import sys
from orchestration.warehouse.clickhouse import clickhouse_guard
with clickhouse_guard(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def settings_in(home: Path, **values: object) -> Settings:
    return Settings(profile="sandbox", home=home, **values)  # type: ignore[arg-type]


def test_the_embedded_engine_keeps_its_tables_between_two_openings(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with open_clickhouse(settings) as client:
        client.command("create database tempo")
        client.command("create table tempo.worklogs_flat (id Int64) engine = MergeTree order by id")
        client.insert("tempo.worklogs_flat", [[1], [2]], column_names=["id"])
    with open_clickhouse(settings) as client:
        assert client.query("select sum(id) from tempo.worklogs_flat").result_rows == [(3,)]


def test_a_second_process_learns_who_holds_the_folder(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    command = [sys.executable, "-c", HOLD, clickhouse_dsn(settings)]
    holder = subprocess.Popen(command, cwd=PROJECT_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(ClickHouseError, match=rf"one process at a time, and process {holder.pid} has it open"),
        open_clickhouse(settings),
    ):
        pass
    holder.kill()
    holder.communicate()
    with clickhouse_guard(clickhouse_dsn(settings)):
        pass


def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, clickhouse_dsn="http://mirror:topsecret@127.0.0.1:1/")
    with (
        pytest.raises(ClickHouseError, match=r"ClickHouse at 127\.0\.0\.1:1 cannot be opened") as failure,
        open_clickhouse(settings),
    ):
        pass
    assert "topsecret" not in str(failure.value)
    assert "CLICKHOUSE_DSN" in str(failure.value)


@pytest.mark.parametrize("sign", "@/#?")
def test_a_dsn_with_a_bare_sign_in_the_password_is_refused_without_it(tmp_path: Path, sign: str) -> None:
    dsn = f"clickhouse://mirror:topsecret{sign}moresecret@127.0.0.1:1/"
    with pytest.raises(ClickHouseError) as failure, open_clickhouse(settings_in(tmp_path, clickhouse_dsn=dsn)):
        pass
    with pytest.raises(CredentialError) as refusal:
        MirrorReader(dsn, timeout_seconds=1)
    for said in (str(failure.value), str(refusal.value)):
        assert "CLICKHOUSE_DSN cannot be read" in said
        assert "secret" not in said


def test_queries_end_after_the_time_out(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, clickhouse_query_timeout_seconds=1.0)
    with open_clickhouse(settings) as client, pytest.raises(Exception, match="TIMEOUT_EXCEEDED"):
        client.query("select sleep(2)")
