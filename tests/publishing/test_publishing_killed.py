"""A publication that is killed leaves each table as it was or as it is, and the next one makes up for the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_FOLDER
from orchestration.warehouse.connection import Warehouse
from publishing.catalogue import Description
from tests.publishing.worlds import expected, opened, rows

ENTRIES = ("marts", "entries")
HOURS = ("reports", "hours")

KILLED = """
import os, signal, sys
from pathlib import Path
import psycopg
from orchestration.warehouse.clickhouse import open_published
from publishing.catalogue import Catalogue, Description
from publishing.publisher import Publisher
from publishing.statements import Postgres, Statements

dsn, folder, when, port, database, user, password = sys.argv[1:]

def dying(self, *arguments):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    # In the middle of several tables.
    if Dying.exchanged:
        os.kill(os.getpid(), signal.SIGKILL)
    Dying.exchanged = True
    return exchange(self, *arguments)

class Dying:
    exchanged = False

exchange, Statements.exchange = Statements.exchange, dying
with open_published(f"chdb://{folder}") as client, psycopg.connect(dsn, autocommit=True) as connection:
    descriptions = {("marts", "entries"): Description("x"), ("reports", "hours"): Description("x")}
    postgres = Postgres("127.0.0.1", int(port), database, user, password)
    Publisher(Catalogue(connection, {}, descriptions), client, postgres, Statements(), large_rows=100).publish()
"""


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_kill_leaves_the_old_table_or_the_new_one(fresh_database: Warehouse, tmp_path: Path, when: str) -> None:
    with fresh_database.connect("transformer") as connection:
        connection.execute("create table marts.entries (id bigint not null, local_date date)")
        connection.execute(
            "insert into marts.entries select n, date '2026-01-01' + n % 9 from generate_series(1, 200) n"
        )
        connection.execute("analyze marts.entries")
        connection.execute("create view reports.hours as select * from marts.entries")
    descriptions = {ENTRIES: Description("x"), HOURS: Description("x")}
    with opened(fresh_database, tmp_path) as world:
        world.publish(descriptions, large_rows=100)
    with fresh_database.connect("transformer") as connection:
        connection.execute("update marts.entries set local_date = '2026-02-01' where id < 10")
    parameters = fresh_database.parameters("owner")
    login = [str(parameters[name]) for name in ("port", "dbname", "user", "password")]
    command = [sys.executable, "-c", KILLED, fresh_database.dsn("owner"), str(tmp_path / "published"), when, *login]
    killed = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr

    with opened(fresh_database, tmp_path) as world:
        moved = world.asked("select count() from marts.entries where local_date = '2026-02-01'")
        assert moved == ([(0,)] if when == "before" else [(9,)])
        assert world.asked("select count() from reports.hours where local_date = '2026-02-01'") == [(0,)]
        assert world.asked("select count() from marts.entries") == [(200,)]

        world.publish(descriptions, large_rows=100)

        assert rows(world, "marts.entries") == expected(world, "marts.entries")
        assert rows(world, "reports.hours") == expected(world, "reports.hours")
        assert world.asked("select count() from system.tables where endsWith(name, '.new')") == [(0,)]
